/** What checks 8-11 must refuse: another platform, one that Intel does not rate, or rates badly. attestation-negatives.md. */
import { fromHex } from '../../../../shared/bytes.ts'
import * as der from '../../../../shared/upstream/der.ts'
import { bytes } from '../values.ts'
import { extension, small, usage } from '../x509/forge.ts'
import type { Case } from './cases-quote.ts'
import { svn } from './forge.ts'
import { components, furniture, noCa, arc, pair } from './forge-vendor.ts'
import { moduleLevels, platformLevel, svnLevel, type Json } from './forge-ratings.ts'

const platform = (...tcbLevels: readonly Json[]) => ({ tcbInfo: { tcbLevels } })
const modules = (...tdxModuleIdentities: readonly Json[]) => ({ tcbInfo: { tdxModuleIdentities } })
const enclave = (...tcbLevels: readonly Json[]) => ({ qeIdentity: { tcbLevels } })
const ending = [...furniture, usage(0xc0, 6), noCa]
const higher = (index: number) => ({ sgx: components.with(index, (components[index] ?? 0) + 1) })

const claims: readonly Case[] = [
  ...['1', '2', '3', '4', '5', '2.1', '2.16', '2.17', '2.18'].map((id): Case => [
    'leaf-extensions-refused',
    `without .${id}`,
    { pck: { [id]: null } },
  ]),
  ['leaf-extensions-refused', 'no word of Intel', { leaf: { extensions: ending } }],
  ['leaf-extensions-refused', 'an unknown attribute', { pck: { '8': small(1) } }],
  ['leaf-extensions-refused', 'an unknown counter', { pck: { '2.19': small(1) } }],
  ['leaf-extensions-refused', 'an attribute twice', { morePck: [pair('3', der.octetString(bytes(2, 0)))] }],
  ['leaf-extensions-refused', 'an attribute with two values', { morePck: [pair('7', small(1), small(2))] }],
  ['leaf-extensions-refused', 'an attribute without a value', { morePck: [pair('7')] }],
  ['leaf-extensions-refused', 'an attribute with a long tag', { pck: { '7': fromHex('1f8100') } }],
  ['leaf-extensions-refused', 'a counter above 255', { pck: { '2.1': der.integer(Uint8Array.of(1, 0)) } }],
  ['leaf-extensions-refused', 'a negative counter', { pck: { '2.1': Uint8Array.of(0x02, 1, 0xff) } }],
  ['leaf-extensions-refused', 'a PCE counter above 65535', { pck: { '2.17': der.integer(Uint8Array.of(1, 0, 0)) } }],
  ['leaf-extensions-refused', 'a short PPID', { pck: { '1': der.octetString(bytes(15, 0xcc)) } }],
  ['leaf-extensions-refused', 'a long FMSPC', { pck: { '4': der.octetString(bytes(7, 0)) } }],
  ['leaf-extensions-refused', 'an FMSPC that is a number', { pck: { '4': small(1) } }],
  ['leaf-extensions-refused', 'a short CPUSVN', { pck: { '2.18': der.octetString(bytes(15, 0)) } }],
  [
    'leaf-extensions-refused',
    'bytes behind',
    { leaf: { extensions: [...ending, extension(arc, der.sequence(small(1)))] } },
  ],
  ['collateral-mismatch', 'ratings of another FMSPC', { tcbInfo: { fmspc: '90C06F000001' } }],
  ['collateral-mismatch', 'a platform of another FMSPC', { pck: { '4': der.octetString(bytes(6, 1)) } }],
  ['chip-refused', 'a platform, where neither root nor policy says that any will do', { tdx: { chips: null } }],
  ['collateral-mismatch', 'ratings of another PCE', { tcbInfo: { pceId: '0001' } }],
  [
    'chip-refused',
    'a platform that is not in the list',
    { tdx: { chips: { mode: 'allowlist', sha256: ['00'.repeat(32)] } } },
  ],
  ['chip-refused', 'any platform, where the trust root wants a list', { tdx: { chips: { mode: 'any', sha256: [] } } }],
]

const unfit: readonly (readonly [string, 'tcbInfo' | 'qeIdentity', Json])[] = [
  ['SGX ratings', 'tcbInfo', { id: 'SGX' }],
  ['TCB info of version 2', 'tcbInfo', { version: 2 }],
  ['another type of TCB', 'tcbInfo', { tcbType: 1 }],
  ['a short FMSPC', 'tcbInfo', { fmspc: '90C06F0000' }],
  ['an unknown key', 'tcbInfo', { tdxModuleIdentity: {} }],
  ['an unknown status', 'tcbInfo', { tcbLevels: [platformLevel({}, 'Fine')] }],
  ['fifteen components', 'tcbInfo', { tcbLevels: [platformLevel({ sgx: components.slice(1) })] }],
  ['a component above 255', 'tcbInfo', { tcbLevels: [platformLevel({ sgx: components.with(0, 256) })] }],
  ['a level with an unknown key', 'tcbInfo', { tcbLevels: [platformLevel({}, 'UpToDate', { note: '' })] }],
  ['a level without a date', 'tcbInfo', { tcbLevels: [platformLevel({}, 'UpToDate', { tcbDate: 'soon' })] }],
  ['levels that are no list', 'tcbInfo', { tcbLevels: {} }],
  ['a module with an unknown key', 'tcbInfo', { tdxModuleIdentities: [moduleLevels('TDX_01', [], { note: '' })] }],
  ['a time that is none', 'tcbInfo', { nextUpdate: '2026-11-32T00:00:00Z' }],
  ['an identity of another enclave', 'qeIdentity', { id: 'QE' }],
  ['an identity of version 1', 'qeIdentity', { version: 1 }],
  ['a short mask', 'qeIdentity', { attributesMask: 'FF' }],
  ['an unknown key in the identity', 'qeIdentity', { isvextprodid: 0 }],
]

const rated: readonly Case[] = [
  ...unfit.map(([what, document, change]): Case => [
    'bad-collateral',
    `signed ratings with ${what}`,
    { [document]: change },
  ]),
  ['collateral-rolled-back', "a round below the policy's floor", { tdx: { minTcbEval: 19 } }],
  ['collateral-rolled-back', 'ratings of an older round', { tcbInfo: { tcbEvaluationDataNumber: 17 } }],
  ['collateral-rolled-back', 'an identity of an older round', { qeIdentity: { tcbEvaluationDataNumber: 17 } }],
  [
    'collateral-rolled-back',
    'a round older than one already seen',
    { seen: { crlNumbers: {}, tcbEvaluationDataNumber: 19 } },
  ],
  ['tcb-unsupported', 'no level at all', platform()],
  ...[0, 7, 15].map((index): Case => [
    'tcb-unsupported',
    `component ${index} below every level`,
    platform(platformLevel(higher(index))),
  ]),
  ['tcb-unsupported', 'a PCE below every level', platform(platformLevel({ pcesvn: 14 }))],
  ['tcb-unsupported', 'TDX microcode below every level', platform(platformLevel({ tdx: [5, 0, 4] }))],
  [
    'tcb-unsupported',
    'the last TDX component below every level',
    platform(platformLevel({ tdx: [...bytes(15, 0), 1] })),
  ],
  [
    'tcb-unsupported',
    'an old module of major version 0',
    { body: { teeTcbSvn: svn(4, 0, 3), teeTcbSvn2: svn(6, 0, 3) } },
  ],
  ['tcb-unsupported', 'a module below every level', modules(moduleLevels('TDX_01', [svnLevel(7)]))],
  ['tcb-unsupported', 'a quoting enclave below every level', enclave(svnLevel(5))],
  ['tdx-module-refused', 'a module of a version that nobody rates', { body: { teeTcbSvn: svn(6, 2, 3) } }],
  ['tdx-module-refused', 'a module of today of such a version', { body: { teeTcbSvn2: svn(6, 2, 3) } }],
  ['tdx-module-refused', 'no module is rated', { tcbInfo: { tdxModuleIdentities: undefined } }],
  ['tdx-module-refused', 'a module of another signer', { body: { mrSignerSeam: bytes(48, 1) } }],
  ['tdx-module-refused', 'a module with other attributes', { body: { seamAttributes: bytes(8, 0).with(7, 1) } }],
  [
    'tdx-module-refused',
    'a module of major version 0 of another signer',
    { body: { teeTcbSvn: svn(6, 0, 3), teeTcbSvn2: svn(6, 0, 3), mrSignerSeam: bytes(48, 1) } },
  ],
  ['quoting-enclave-refused', 'another signer', { enclave: { mrSigner: bytes(32, 1) } }],
  ['quoting-enclave-refused', 'another product', { enclave: { isvProdId: 1 } }],
  ['quoting-enclave-refused', 'other features', { enclave: { miscSelect: 1 } }],
  ['quoting-enclave-refused', 'an enclave in debug mode', { enclave: { attributes: svn(0x13) } }],
  [
    'tcb-status-refused',
    'a platform that is out of date',
    platform(platformLevel(higher(0)), platformLevel({}, 'OutOfDate')),
  ],
  ['tcb-status-refused', 'a PCE that is out of date', { pck: { '2.17': small(12) } }],
  ['tcb-status-refused', 'a module that is out of date', { body: { teeTcbSvn: svn(5, 1, 3) } }],
  ['tcb-status-refused', 'a module of today that is out of date', { body: { teeTcbSvn2: svn(5, 1, 3) } }],
  ['tcb-status-refused', 'a quoting enclave that is out of date', { enclave: { isvSvn: 3 } }],
  ...[
    'SWHardeningNeeded',
    'ConfigurationNeeded',
    'ConfigurationAndSWHardeningNeeded',
    'OutOfDateConfigurationNeeded',
    'Revoked',
  ].map((status): Case => ['tcb-status-refused', `a platform that is ${status}`, platform(platformLevel({}, status))]),
  [
    'tcb-status-refused',
    'two faults, each borne, but not together',
    {
      ...platform(platformLevel({}, 'ConfigurationNeeded')),
      ...enclave(svnLevel(4, 'OutOfDate')),
      tdx: { statuses: ['UpToDate', 'OutOfDate', 'ConfigurationNeeded'] },
    },
  ],
  [
    'tcb-status-refused',
    'two faults together, of which one alone is not borne',
    {
      ...platform(platformLevel({}, 'ConfigurationNeeded')),
      ...enclave(svnLevel(4, 'OutOfDate')),
      tdx: { statuses: ['UpToDate', 'OutOfDate', 'OutOfDateConfigurationNeeded'] },
    },
  ],
  ...[
    platform(platformLevel({}, 'SWHardeningNeeded', { advisoryIDs: ['INTEL-SA-01036'] })),
    modules(moduleLevels('TDX_01', [svnLevel(6, 'UpToDate', { advisoryIDs: ['INTEL-SA-01036'] })])),
    enclave(svnLevel(4, 'UpToDate', { advisoryIDs: ['INTEL-SA-01036'] })),
  ].map((change, index): Case => [
    'advisory-refused',
    `an advisory that nobody bears, on ${['the platform', 'the module', 'the quoting enclave'][index] ?? ''}`,
    { ...change, tdx: { statuses: ['UpToDate', 'SWHardeningNeeded'], advisoriesAllowed: ['INTEL-SA-00837'] } },
  ]),
]

export const platformCases: readonly Case[] = [...claims, ...rated]
