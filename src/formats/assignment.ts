import type { Problem } from './problem.ts';

/** The replicas of one partition, the preferred leader first. */
export interface AssignedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly replicas: readonly number[];
}

export interface ReadAssignment {
  readonly partitions: AssignedPartition[];
  readonly problems: Problem[];
}

/** Line and column of an offset, both from 1. */
function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}

/**
 * Reads where partitions live, from either of Kafka's own forms, told apart by their content: a reassignment JSON, or the output of
 * `kafka-topics.sh --describe`.
 */
export function readAssignment(text: string, file: string): ReadAssignment {
  const body = text.replace(/^\uFEFF/, '');
  return /^\s*\{/.test(body) ? readReassignment(body, file) : readDescribe(body, file);
}

class Collector {
  readonly partitions: AssignedPartition[] = [];
  readonly problems: Problem[] = [];
  private readonly seen = new Set<string>();
  private readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  problem(at: { line: number; column: number }, found: string, mend: string): void {
    if (this.problems.length < 100)
      this.problems.push({ file: this.file, ...at, path: '', found, mend, severity: 'problem' });
  }

  add(
    at: () => { line: number; column: number },
    topic: string,
    partition: number,
    replicas: readonly number[],
  ): void {
    const name = `${topic}-${partition}`;
    if (replicas.length === 0) this.problem(at(), `${name} has no replicas`, 'list at least one broker id');
    else if (new Set(replicas).size !== replicas.length)
      this.problem(at(), `${name} names a broker twice`, 'name each broker once');
    else if (this.seen.has(name)) this.problem(at(), `${name} is listed twice`, 'keep one of the two');
    else this.partitions.push({ topic, partition, replicas });
    this.seen.add(name);
  }
}

/**
 * Input of `kafka-reassign-partitions.sh --execute`.
 * Source: Kafka 3.7 `ReassignPartitionsCommand.parsePartitionReassignmentData`: version 1 or none, log_dirs optional.
 */
function readReassignment(text: string, file: string): ReadAssignment {
  const out = new Collector(file);
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    const message = (error as Error).message;
    const offset = /position (\d+)/.exec(message);
    const at = offset === null ? placeOf(text, text.length) : placeOf(text, Number(offset[1]));
    out.problem(
      at,
      'the JSON cannot be read',
      'correct it here; the file must be one object with "partitions"',
    );
    return out;
  }
  const top = { line: 1, column: 1 };
  const record = data as Record<string, unknown>;
  if (record.version !== undefined && record.version !== 1)
    out.problem(top, `version ${String(record.version)}`, 'use "version":1');
  if (!Array.isArray(record.partitions)) {
    out.problem(top, 'there is no list "partitions"', 'write {"version":1,"partitions":[...]}');
    return out;
  }
  if (record.partitions.length === 0) out.problem(top, 'no partition is listed', 'list the partitions');
  // Places are looked up only for what is wrong: a scan for the n-th "topic".
  const starts: number[] = [];
  const at = (index: number) => () => {
    if (starts.length === 0) for (const found of text.matchAll(/"topic"\s*:/g)) starts.push(found.index);
    return starts[index] === undefined ? top : placeOf(text, starts[index]);
  };
  record.partitions.forEach((entry: unknown, i: number) => {
    const { topic, partition, replicas, log_dirs: logDirs } = (entry ?? {}) as Record<string, unknown>;
    if (typeof topic !== 'string' || topic === '')
      out.problem(at(i)(), `partition entry ${i + 1} without a topic`, 'give "topic" as text');
    else if (!Number.isSafeInteger(partition) || (partition as number) < 0)
      out.problem(at(i)(), `${topic}: no partition number`, 'give "partition" as a whole number');
    else if (!Array.isArray(replicas) || !replicas.every((id) => Number.isSafeInteger(id) && id >= 0)) {
      out.problem(
        at(i)(),
        `${topic}-${partition as number}: no list of broker ids`,
        'give "replicas" as broker ids',
      );
    } else {
      if (Array.isArray(logDirs) && logDirs.length !== replicas.length) {
        out.problem(
          at(i)(),
          `${topic}-${partition as number}: ${logDirs.length} log_dirs for ${replicas.length} replicas`,
          'give one for each replica, or none',
        );
      }
      out.add(at(i), topic, partition as number, replicas as number[]);
    }
  });
  return out;
}

/**
 * Output of `kafka-topics.sh --describe`: summary lines and partition lines, fields apart by tabs, which a terminal may have turned into
 * blanks. Lines before the first topic (prompts, log lines) are passed over. Source: Kafka 3.7 `TopicCommand`.
 */
function readDescribe(text: string, file: string): ReadAssignment {
  const out = new Collector(file);
  let line = 0;
  let any = false;
  for (const row of text.split(/\r?\n/)) {
    line += 1;
    const found = /^\s*Topic:\s*(\S+)\s+Partition:\s*(\S+)\s+Leader:\s*(\S+)\s+Replicas:\s*(\S*)/.exec(row);
    if (found === null) {
      if (/^\s*Topic:\s*\S+/.test(row)) {
        any = true;
        if (/\sPartition:/.test(row))
          out.problem(
            { line, column: 1 },
            'a partition line without leader or replicas',
            'paste the whole output',
          );
      } else if (any && row.trim() !== '')
        out.problem({ line, column: 1 }, `"${row.trim().slice(0, 40)}" among the topics`, 'remove the line');
      continue;
    }
    any = true;
    const place = { line, column: row.indexOf('Topic:') + 1 };
    const partition = Number(found[2]);
    const replicas = found[4]!.split(',').map((id) => (/^\d+$/.test(id) ? Number(id) : Number.NaN));
    if (!/^\d+$/.test(found[2]!))
      out.problem(place, `${found[1]!}: no partition number`, 'paste the whole output');
    else if (replicas.some(Number.isNaN))
      out.problem(
        place,
        `${found[1]!}-${partition}: replicas ${found[4]!.slice(0, 40) || 'are missing'}`,
        'list broker ids apart by commas',
      );
    else out.add(() => place, found[1]!, partition, replicas);
  }
  if (out.partitions.length === 0 && out.problems.length === 0) {
    out.problem(
      { line: 1, column: 1 },
      'neither a reassignment JSON nor the output of kafka-topics --describe',
      'name such a file',
    );
  }
  return out;
}

function sorted(partitions: readonly AssignedPartition[]): AssignedPartition[] {
  return [...partitions].sort((x, y) =>
    x.topic < y.topic ? -1 : x.topic > y.topic ? 1 : x.partition - y.partition,
  );
}

/** One line as Kafka itself writes it. Source: Kafka 3.7 `ReassignPartitionsCommand.formatAsReassignmentJson`. */
export function writeReassignment(partitions: readonly AssignedPartition[]): string {
  return JSON.stringify({
    version: 1,
    partitions: sorted(partitions).map((p) => ({
      topic: p.topic,
      partition: p.partition,
      replicas: p.replicas,
      log_dirs: p.replicas.map(() => 'any'),
    })),
  });
}

/** As `kafka-topics.sh --describe` prints a healthy cluster: every replica in sync, the first one leading. */
export function writeDescribe(partitions: readonly AssignedPartition[]): string {
  const lines: string[] = [];
  let topic: string | undefined;
  const all = sorted(partitions);
  for (const p of all) {
    if (p.topic !== topic) {
      topic = p.topic;
      const count = all.filter((x) => x.topic === topic).length;
      lines.push(
        `Topic: ${topic}\tPartitionCount: ${count}\tReplicationFactor: ${p.replicas.length}\tConfigs: `,
      );
    }
    const ids = p.replicas.join(',');
    lines.push(
      `\tTopic: ${p.topic}\tPartition: ${p.partition}\tLeader: ${p.replicas[0]}\tReplicas: ${ids}\tIsr: ${ids}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
