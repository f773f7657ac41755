/** How much of a message's timing and length shows on the links: wire.md "Traffic shaping profiles". */

export const profiles = [
  'direct', // stored and forwarded whole at once; streams as they come, no faster than their reader takes them
  'mixed', // requests and answers leave at ticks in random order; streams as they come, however their reader takes them
  'paced', // as mixed, and streams as cells of one size at one rate
] as const
export type Profile = (typeof profiles)[number]
