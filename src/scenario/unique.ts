/** Tells each name that comes more than once, once. */
export function unique(names: readonly string[], twice: (name: string) => void): void {
  const seen = new Map<string, number>();
  for (const name of names) seen.set(name, (seen.get(name) ?? 0) + 1);
  for (const [name, count] of seen) if (count > 1) twice(name);
}
