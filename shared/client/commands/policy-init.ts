/** `asunder policy init`: a draft that lets nothing in, every line explained. attestation.md d.1. */
import { policyLimits } from '../../attestation/policy-fields.ts'
import { timeText } from '../../tlog/json-fields.ts'
import { UsageError, type Command } from './command.ts'
import { parsed } from './connection.ts'
import { emit, outputHelp, outputOption, wholeNumber, wholeSecond } from './output.ts'

const options = {
  ...outputOption,
  role: { type: 'string' },
  serial: { type: 'string' },
  days: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const help = `Usage: asunder policy init --role ROLE [options]

Writes the draft of a policy: JSON, with lines of comment that begin with //. It is strict and names no image and no chip,
so it lets nothing in until you fill it. Then: asunder policy check, and each releaser asunder policy sign.

  --role ROLE             the role of the CVMs that it is for
  --serial N              higher than that of every policy ever signed for this role (default: 1)
  --days N                how long it lives, from now: 1 to 7 (default: 7)
${outputHelp}
  -h, --help              this text`

const day = 86_400_000

export const init: Command = {
  summary: 'write the draft of a policy, strict and explained',
  help,
  async run(args, world) {
    const { values } = parsed(args, options)
    if (values.role === undefined) throw new UsageError('--role is missing: for which CVMs is it?')
    const serial = wholeNumber('serial', values.serial ?? '1', [1, Number.MAX_SAFE_INTEGER])
    const days = wholeNumber('days', values.days ?? '7', [1, policyLimits.life / day])
    const notBefore = wholeSecond(world.now())
    await emit(
      template({ role: values.role, serial, notBefore, notAfter: notBefore + days * day }),
      values.output,
      world,
    )
    return 0
  },
}

type Head = { readonly role: string; readonly serial: number; readonly notBefore: number; readonly notAfter: number }

function template({ role, serial, notBefore, notAfter }: Head): string {
  return `// A policy for Asunder: which machines and images a client accepts. Lines that begin with // are not signed.
// What is left out is as strict as it stands here; nothing can be wider than the trust root.
{
  "version": 1,
  // Higher than every serial ever signed for this role. To take something back, sign a policy with a higher one.
  "serial": ${serial},
  // At most 7 days. Sign the next one in time: when it ends, clients refuse.
  "notBefore": "${timeText(notBefore)}",
  "notAfter": "${timeText(notAfter)}",
  "role": ${JSON.stringify(role)},

  "snp": {
    // Milan is left out: its chip secrets can be drawn out by software. If you must, list its chips one by one.
    "products": ["Genoa", "Turin"],
    "reportVersions": [3, 4, 5],
    // A provider's key (VLEK) names no chip, so nobody knows whose machine it is.
    "allowVlek": false,
    // The privilege level of the code that asks: 0, or that of a paravisor.
    "vmpl": [0],

    // Firmware floors, for each product every counter. Without a floor any genuine firmware will do; a verdict says so.
    //   "Genoa": {"bl": 10, "tee": 0, "snp": 27, "ucode": {"0x11": 88, "0xa0": 25}}
    //   "Turin": {"fmc": 0, "bl": 1, "tee": 0, "snp": 2, "ucode": 71}
    "minTcb": {},
    // Firmware versions, as {"Genoa": "1.55.49"}, and mitigations that must be in force, as {"Genoa": "0x0b"}.
    "minFw": {},
    "requireMit": {},
    "allowProvisional": false,

    // Of how the guest was started. 0: must be off. 1: must be on. null: not asked.
    "guestPolicy": {
      "debug": 0,
      "migrateMa": 0,
      "smt": 0,
      "cxl": 0,
      "singleSocket": null,
      "aes256xts": null,
      "raplDis": null,
      "ciphertextHiding": null
    },
    // Of the machine under it.
    "platform": {
      "smt": 0,
      "aliasCheck": 1,
      "tsme": null,
      "ecc": null,
      "raplDis": null,
      "ciphertextHiding": null
    },

    // SHA-256 of the CVM's settings file (HOST_DATA).
    "hostData": "${'00'.repeat(32)}",

    // SHA-256 of the hardware id of each chip, as its certificate has it. An empty list lets no machine in.
    "chips": {
      "mode": "allowlist",
      "sha256": []
    },
    // How many CVMs, on how many chips, there must be to choose from.
    "minCvms": 1,
    "minChips": 1,

    // The images. Each is a release in the log, and the log's leaf is made of these words: digest (MEASUREMENT), the
    // smallest security version, the last moment, and the artifact that it was built from. Take an entry out to end it
    // early: another notAfter is another leaf.
    //   {"digest": "96 hex digits", "minGuestSvn": 0, "notAfter": "${timeText(notAfter)}", "build": "sha256:64 hex digits"}
    "measurements": [],
    // Images that are refused, wherever else they stand.
    "deny": []
  },

  "collateral": {
    // How long a vendor's revocation list counts past its end, and its lowest number by product, as {"Genoa": 4}. Add
    // "crlMaxAge": "P90D" only where your CVMs fetch lists that young: AMD's own are made about once a year.
    "crlGrace": "PT0S",
    "minCrlNumber": {}
  },

  // Until when an anchor counts as fresh; for 72 hours more a verdict says that it is stale.
  "log": { "maxCosignatureAge": "PT26H" },

  "binding": {
    "kinds": [1, 2],
    "maxKeyLife": "PT24H",
    "maxConnAge": "PT1H",
    "nonceTtl": "PT60S"
  },
  "clockSkew": "PT120S"
}
`
}
