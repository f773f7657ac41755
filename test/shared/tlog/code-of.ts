/** The code with which something is refused, or `accepted`; any other error is a defect and goes on. */
import { Refusal } from '../../../shared/refusal.ts'

export async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'accepted'
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}
