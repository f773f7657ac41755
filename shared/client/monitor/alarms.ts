/** Everything that a monitor can alarm about, as one closed list: what it means, and what the person who reads it can do. */

/** The tables of README and help are made from these rows. Keep it sorted. */
export const alarms = {
  'anchor-old': {
    means:
      'the public moment that evidence in the bundle names is older than a fresh anchor may be, or cannot be verified',
    remedy: 'ask the gateway operator to make new keys; clients refuse them soon, or do already',
  },
  'bundle-differs': {
    means: 'this vantage point shows an older bundle than another one, for longer than a rotation takes',
    remedy: 'ask its operator; if it lasts, somebody may be holding clients back on old keys: publish both bundles',
  },
  'bundle-ending': {
    means: 'the bundle ends in less than half an hour and no newer one is shown',
    remedy: 'ask the gateway operator whether the publisher still runs; clients refuse the bundle at its end',
  },
  'bundle-equivocation': {
    means: 'two different bundles with one serial, both signed: not everybody was shown the same',
    remedy:
      'publish both notes, they are proof; stop using the deployment until its operators explain it; then begin with a new state file',
  },
  'bundle-refused': {
    means: 'clients refuse the bundle that this vantage point shows',
    remedy:
      'see the detail; check the clock and that --trust and --placement belong to this deployment, otherwise report it to its operators',
  },
  'checkpoint-refused': {
    means: 'what the log shows is no checkpoint of a log of this trust root, or a signature on it is bad',
    remedy: 'check that --log belongs to this trust root; otherwise ask the operator of the log',
  },
  'checkpoint-rolled-back': {
    means: 'the log shows a smaller tree than it did before',
    remedy:
      'a cache may be stale; if it lasts, leaves were taken away: publish both checkpoints (they are in the state file and in --json)',
  },
  'clock-behind': {
    means: 'a witness has signed a time that is ahead of this clock',
    remedy: 'set the clock of this machine; if it is right, the witness lies: report it',
  },
  'evidence-refused': {
    means:
      'the evidence of a key in this bundle is not what the policy wants: another machine, firmware, image, key or moment',
    remedy:
      'see the detail; no client seals to this bundle: report it to the gateway operator and the policy releasers',
  },
  'key-too-old': {
    means: 'a key is offered for longer than 24 hours (an inner key: one hour)',
    remedy: 'ask the gateway operator why keys do not rotate; what was sealed to it is at risk for as long',
  },
  'keys-unlogged': {
    means: 'the key list of this bundle is in none of the logs that were read',
    remedy:
      'ask the publisher to log it; if nobody did, it may have been made for a few people only: compare with others',
  },
  'log-forked': {
    means: 'the tree that the log shows does not contain one that it signed before',
    remedy: 'publish both notes, they are proof; trust nothing from this log; then begin with a new state file',
  },
  'log-unread': {
    means: 'checkpoint or tiles of a log could not be read',
    remedy: 'check --log and the network; while this lasts nothing of that log is watched',
  },
  'memory-refused': {
    means:
      'whoever has been at this vantage point before refuses the bundle that new clients take: a statement, log tree, revocation list or rating in it is older than one shown before',
    remedy:
      'see the detail; a stale mirror heals by itself, anything else fools new clients: report it to its operators',
  },
  'policy-backwards': {
    means: 'the policy of this bundle is older than one that was shown before',
    remedy: 'what a newer policy took back is allowed again: report it to the policy releasers',
  },
  'policy-equivocation': {
    means: 'two different policies of one serial, both signed by the releasers',
    remedy:
      'publish both notes, they are proof; ask the releasers which one is meant; then begin with a new state file',
  },
  'policy-refused': {
    means: 'the policy of this bundle is not signed by the releasers, ended, or allows more than the trust root',
    remedy: 'see the detail; report it to the policy releasers, and to the gateway operator who shows it',
  },
  'policy-unlogged': {
    means: 'nothing shows that the policy of this bundle is in a log',
    remedy: 'ask the policy releasers; a policy that is not logged must not be obeyed, and clients refuse it',
  },
  'quorum-missing': {
    means: 'fewer witness operators cosigned this checkpoint than the trust root demands',
    remedy: 'ask the operator of the log; until enough witnesses sign, no new proof or anchor will be accepted',
  },
  'release-unlogged': {
    means: 'nothing shows that the image behind a key of this bundle is a release in a log',
    remedy:
      'no client seals to this bundle; an image that nobody can look at may have been made for a few people: report it to the policy releasers',
  },
  'root-ending': {
    means: 'the newest trust root ends within 30 days (one for development: within a day)',
    remedy: 'ask the publisher of the application for the next root; every client stops at its end',
  },
  'root-equivocation': {
    means: 'two vantage points lead to different trust roots of one version, both signed by the one before',
    remedy:
      'publish both bundles; root keys were misused: take the next root only from the publisher of the application; then begin with a new state file',
  },
  'serial-backwards': {
    means: 'this vantage point shows an older bundle than it did before',
    remedy: 'a mirror that was set up anew heals by itself; anything else holds clients back on old keys: report it',
  },
  'split-view': {
    means: 'the log signed two different trees of one size',
    remedy: 'publish both notes, they are proof; trust nothing from this log; then begin with a new state file',
  },
  'statement-refused': {
    means:
      'nothing current says that this policy is the newest: the serial statement is old, unsigned, or names a newer one',
    remedy: 'ask the policy releasers; without a statement a policy that was taken back could still be shown',
  },
  'tiles-mismatch': {
    means: 'the leaves that the log shows are not those of the tree that it signed',
    remedy: 'read the log from another place; if it is the same there, the log is damaged or lies: report it',
  },
  'vantage-silent': {
    means: 'this vantage point gave no bundle',
    remedy: 'check the address and the network; clients behind it cannot begin',
  },
  'witness-quiet': {
    means: 'a witness of the trust root has not cosigned for 26 hours, or never',
    remedy: 'ask its operator; each quiet witness brings the quorum nearer to its end',
  },
  'witnesses-late': {
    means: 'the quorum has not spoken for 12 hours',
    remedy: 'ask the operator of the log whether checkpoints still reach the witnesses',
  },
  'witnesses-silent': {
    means: 'the quorum has not spoken for 98 hours: clients refuse anchors of this log',
    remedy: 'the log is out of service; ask its operator and the witnesses',
  },
  'witnesses-stale': {
    means: 'the quorum has not spoken for 26 hours: clients call anchors of this log stale',
    remedy: 'ask the operator of the log and the witnesses; at 98 hours clients refuse',
  },
} as const satisfies Record<string, { means: string; remedy: string }>

export type AlarmCode = keyof typeof alarms

export type Alarm = {
  readonly code: AlarmCode
  /** an address, log or operator of our own settings or trust root: never words of a stranger */
  readonly about: string
  readonly detail?: string | undefined
  /** what was signed and proves it, complete and byte for byte */
  readonly notes?: readonly string[] | undefined
}

/** Proved by what was signed, so they do not go away when the deployment looks well again. */
export const lasting: ReadonlySet<AlarmCode> = new Set([
  'bundle-equivocation',
  'log-forked',
  'policy-equivocation',
  'root-equivocation',
  'split-view',
])
