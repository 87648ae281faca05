/** What a verb ends with; kept clear of the codes that Node itself uses. */
export const exitCode = {
  yes: 0,
  /** Our bug: a crash, or a broken invariant. */
  bug: 1,
  /** Wrong usage or input. */
  usage: 2,
  /** The answer is no. */
  no: 20,
  inconclusive: 21,
  interrupted: 130,
} as const;

/** What each code says, in a few words: help, man page and reference show the same. */
export const exitWords = [
  [exitCode.yes, 'yes'],
  [exitCode.bug, 'a bug of ours'],
  [exitCode.usage, 'wrong usage or input'],
  [exitCode.no, 'the answer is no'],
  [exitCode.inconclusive, 'inconclusive'],
  [exitCode.interrupted, 'interrupted'],
] as const;

/** Whoever waited has had enough: what was kept is told, without a stack. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Something the user must mend: printed as it is, without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
