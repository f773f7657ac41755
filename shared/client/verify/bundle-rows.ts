/** The checks of a bundle, for people. trust.md 2-6. */
import type { CheckRow } from './checks.ts'

export const bundleRows = {
  signature: {
    name: 'signature',
    compared: 'the whole text with a bundle key of the newest trust root that it leads to',
    from: 'trust root bundleKeys',
  },
  placement: {
    name: 'placement',
    compared: 'placement of the bundle with the one that you name',
    from: '--placement, trust root placements',
  },
  times: { name: 'validity', compared: 'beginning and end with the clock of this machine', from: 'the publisher' },
  policy: {
    name: 'policy',
    compared: 'signatures with a threshold of policy keys; every rule with the trust root; dates with the clock',
    from: 'trust root policyKeys',
  },
  statement: {
    name: 'statement',
    compared: 'serial of the policy with the current one, as stated in the last 24 h',
    from: 'trust root timestampKeys',
  },
  policyProof: {
    name: 'policy in the log',
    compared: 'leaf made again from the policy with a tree that a quorum of witnesses cosigned',
    from: 'trust root logs, witnesses, quorum',
  },
  life: {
    name: 'key life',
    compared: 'length of its life with the most allowed, its ends with the clock',
    from: 'policy binding.maxKeyLife; 24 h, inner keys 1 h',
  },
  anchor: {
    name: 'anchor',
    compared: 'checkpoint with log and witnesses, and its oldest cosignature with the clock',
    from: 'trust root logs, witnesses, quorum; policy log.maxCosignatureAge',
  },
  evidence: { name: 'evidence', compared: 'everything that the judge asks', from: 'policy, vendor' },
  release: {
    name: 'release in the log',
    compared: 'leaf made again from the attested identity with a tree that a quorum of witnesses cosigned',
    from: 'trust root logs, witnesses, quorum',
  },
  whole: {
    name: 'all together',
    compared: 'what a client asks, also the key list with its entries, and the number of machines',
    from: 'the client itself',
  },
} as const satisfies Record<string, CheckRow>

export type BundleRowName = keyof typeof bundleRows
