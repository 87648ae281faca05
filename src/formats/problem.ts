/** Something in the input that must be mended before anything can run. Collected, never thrown one by one. */
export interface Problem {
  /** The file as the user named it. */
  readonly file: string;
  /** 1-based; 0 when the problem concerns the whole file. */
  readonly line: number;
  readonly column: number;
  /** Where in the document: `kafka.topics.orders.replicationFactor`; list entries by name or id. */
  readonly path: string;
  readonly found: string;
  readonly mend: string;
  /** A `warning` does not stop a run; it becomes a finding. */
  readonly severity: 'problem' | 'warning';
}

/** Reads a text file below the root of the project; undefined when there is none. */
export type ReadText = (path: string) => string | undefined;
