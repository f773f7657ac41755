/** What can go wrong between us and the CVM after the lease was taken. wire.md "Errors". */

/**
 * `unreachable`: refused or reset (502). `slow`: a time limit passed (504). `expired`: verdict over or revoked (503).
 * `busy`: none of the CVM that was meant is free (503). `unopened`: the CVM did not open what is sealed to it (400).
 */
export type CvmFailureReason = 'unreachable' | 'slow' | 'expired' | 'busy' | 'unopened'

/** The message stays with us. */
export class CvmFailure extends Error {
  readonly reason: CvmFailureReason

  constructor(reason: CvmFailureReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CvmFailure'
    this.reason = reason
  }
}
