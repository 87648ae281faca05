import type { z } from 'zod';
import { JsonFile } from '../formats/json.ts';
import type { Problem } from '../formats/problem.ts';

/** A file of a result by its name; undefined where there is none. */
export interface SavedFiles {
  readonly folder: string;
  readonly bytes: (name: string) => Uint8Array | undefined;
}

export const playAgain = 'play it again';

/** Reads files of a folder, and gathers what is wrong with them. */
export class Reader {
  readonly problems: Problem[] = [];
  readonly texts = new Map<string, string>();
  private readonly files: SavedFiles;

  constructor(files: SavedFiles) {
    this.files = files;
  }

  private bytes(name: string): Uint8Array | undefined {
    const found = this.files.bytes(name);
    if (found === undefined) this.problem(name, 'there is no such file', playAgain);
    return found;
  }

  /** Something about a file as a whole. */
  private problem(name: string, found: string, mend: string): void {
    const file = `${this.files.folder}/${name}`;
    this.problems.push({ file, line: 0, column: 0, path: '', found, mend, severity: 'problem' });
  }

  /** @param check looks at the value before its shape is checked, and alone where it finds something */
  json<T>(
    name: string,
    schema: z.ZodType<T>,
    check: (file: JsonFile, value: Record<string, unknown>) => void = () => undefined,
  ): T | undefined {
    const bytes = this.bytes(name);
    if (bytes === undefined) return undefined;
    const text = new TextDecoder().decode(bytes);
    const path = `${this.files.folder}/${name}`;
    this.texts.set(path, text);
    const file = new JsonFile(text, path);
    if (file.good && typeof file.value === 'object' && file.value !== null)
      check(file, file.value as Record<string, unknown>);
    const parsed = file.good ? schema.safeParse(file.value) : undefined;
    if (parsed?.success === false)
      for (const issue of parsed.error.issues)
        file.problem(
          issue.path.filter((key) => typeof key !== 'symbol'),
          issue.message.charAt(0).toLowerCase() + issue.message.slice(1),
          playAgain,
        );
    this.problems.push(...file.problems());
    return parsed?.success === true ? parsed.data : undefined;
  }

  arrow<T>(name: string, read: (bytes: Uint8Array) => T): T | undefined {
    const bytes = this.bytes(name);
    if (bytes === undefined) return undefined;
    try {
      return read(bytes);
    } catch (error) {
      const says = error instanceof RangeError ? `: ${error.message}` : '';
      this.problem(name, `cut off or changed, at ${bytes.length} bytes${says}`, playAgain);
      return undefined;
    }
  }
}
