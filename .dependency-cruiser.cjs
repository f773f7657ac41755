/**
 * The floors of the house as rules: imports only go down, the two operators never meet, and the relay
 * never holds anything that can decrypt. Run by `npm run boundaries`, which also asserts that enough was read.
 */
const relayMay =
  '^(relay/|shared/(bytes\\.ts|refusal\\.ts|http/|limits/|shaping/|privacy-pass/|store/|observability/|config/|upstream/|launch/))'
const canDecrypt = '^node_modules/(hpke|@hpke|@noble/ciphers|@noble/curves|@panva|@cloudflare/blindrsa-ts|sjcl)(/|$)'
const floor0 = '^shared/(bytes|refusal)\\.ts$'
const protocols = ['http', 'bhttp', 'hpke', 'ohttp', 'attestation', 'tlog', 'privacy-pass', 'limits', 'shaping']
const siblings = { ohttp: ['hpke'], bhttp: ['http', 'shaping'], attestation: ['tlog'] }

const protocolRules = protocols.map((room) => ({
  name: `${room}-imports-only-its-floor`,
  severity: 'error',
  from: { path: `^shared/${room}/` },
  to: {
    path: '^(relay|gateway|deploy|test|shared)/',
    pathNot: [floor0, `^shared/(${[room, ...(siblings[room] ?? [])].join('|')})/`],
  },
}))

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^(relay|gateway|shared)/', pathNot: '\\.mjs$' },
      to: {},
    },
    { name: 'not-resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependency-in-services',
      severity: 'error',
      from: { path: '^(relay|gateway|shared)/', pathNot: '^shared/(hpke/web|client/)' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'relay-imports-only-its-list',
      severity: 'error',
      from: { path: '^relay/' },
      to: { path: '^(relay|gateway|deploy|test|shared)/', pathNot: relayMay },
    },
    {
      name: 'relay-cannot-decrypt',
      severity: 'error',
      from: { path: '^relay/' },
      to: { path: canDecrypt, reachable: true },
    },
    {
      name: 'relay-reaches-no-protocol-core',
      severity: 'error',
      from: { path: '^relay/' },
      to: { path: '^(gateway/|shared/(ohttp|bhttp|hpke|attestation|tlog|client)/)', reachable: true },
    },
    {
      name: 'gateway-never-meets-relay',
      severity: 'error',
      from: { path: '^gateway/' },
      to: { path: '^(relay|deploy|test)/|^shared/client/' },
    },
    { name: 'ground-imports-nothing-above', severity: 'error', from: { path: floor0 }, to: { pathNot: floor0 } },
    {
      name: 'effects-import-only-down',
      severity: 'error',
      from: { path: '^shared/(store|observability|config|upstream|launch)/' },
      to: { path: '^(relay|gateway|deploy|test)/|^shared/client/' },
    },
    {
      name: 'client-imports-only-down',
      severity: 'error',
      from: { path: '^shared/client/' },
      to: { path: '^(relay|gateway|deploy|test)/' },
    },
    {
      name: 'cvm-is-small',
      severity: 'error',
      from: { path: '^gateway/cvm/' },
      to: {
        path: '^(relay/|deploy/|test/|shared/(client|config)/|shared/observability/(metrics|admin)|node_modules/(yaml|zod|prom-client|undici|structured-headers)(/|$))',
        reachable: true,
      },
    },
    {
      name: 'development-log-imports-only-down',
      severity: 'error',
      from: { path: '^shared/development-log/' },
      to: {
        path: '^(relay|gateway|deploy|test|shared)/',
        pathNot: [floor0, '^shared/(development-log|tlog)/'],
      },
    },
    {
      name: 'no-service-makes-a-log',
      severity: 'error',
      from: { path: '^(relay|gateway)/' },
      to: { path: '^shared/development-log/', reachable: true },
    },
    {
      name: 'only-commands-make-a-log',
      severity: 'error',
      from: { path: '^shared/', pathNot: '^shared/(development-log|client/commands)/' },
      to: { path: '^shared/development-log/' },
    },
    {
      name: 'cvm-takes-four-doors-into-the-gateway',
      severity: 'error',
      from: { path: '^gateway/cvm/' },
      to: { path: '^gateway/', pathNot: '^gateway/(cvm/|(app|oblivious|keyring|screen)\\.ts$)' },
    },
    {
      name: 'services-know-no-tests',
      severity: 'error',
      from: { path: '^(relay|gateway|shared|deploy)/' },
      to: { path: '^test/' },
    },
    ...protocolRules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
}
