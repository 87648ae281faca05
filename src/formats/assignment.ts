import { isId, isRecord, JsonFile } from './json.ts';
import type { Problem } from './problem.ts';

/** The replicas of one partition, the preferred leader first. */
export interface AssignedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly replicas: readonly number[];
}

export interface ReadAssignment {
  readonly partitions: readonly AssignedPartition[];
  readonly problems: readonly Problem[];
}

/**
 * Reads where partitions live, from either of Kafka's own forms, told apart by their content: a reassignment JSON, or the output of
 * `kafka-topics.sh --describe`.
 */
export function readAssignment(text: string, file: string): ReadAssignment {
  const body = text.replace(/^\uFEFF/, '');
  if (!/^\s*\{/.test(body)) return readDescribe(body, file);
  const { partitions, json } = readReassignment(body, file);
  return { partitions, problems: json.problems() };
}

/** What is wrong with a partition's replicas by themselves; undefined when nothing is. */
function wrongReplicas(
  name: string,
  replicas: readonly number[],
): { readonly found: string; readonly mend: string } | undefined {
  if (replicas.length === 0) return { found: `${name} has no replicas`, mend: 'list at least one broker id' };
  const twice = replicas.find((id, i) => replicas.indexOf(id) < i);
  return twice === undefined
    ? undefined
    : { found: `${name} names a broker twice: ${twice}`, mend: 'name each broker once' };
}

/** A reassignment whose places can still be asked for, since what it says must also fit a cluster. */
export interface Reassignment {
  readonly partitions: readonly AssignedPartition[];
  readonly json: JsonFile;
  /** Where an entry of `partitions` stands in the file. */
  readonly entryOf: (index: number) => readonly (string | number)[];
}

/**
 * Input of `kafka-reassign-partitions.sh --execute`.
 * Source: Kafka 3.7 `ReassignPartitionsCommand.parsePartitionReassignmentData`: version 1 or none, log_dirs optional, other keys passed over.
 */
export function readReassignment(text: string, file: string): Reassignment {
  const json = new JsonFile(text, file);
  const partitions: AssignedPartition[] = [];
  const entries: number[] = [];
  const made = { partitions, json, entryOf: (i: number) => ['partitions', entries[i]!] };
  if (json.value === undefined) return made;
  if (!isRecord(json.value) || !Array.isArray(json.value.partitions)) {
    json.problem([], 'there is no list "partitions"', 'write {"version":1,"partitions":[...]}');
    return made;
  }
  const { version, partitions: list } = json.value as { version?: unknown; partitions: unknown[] };
  if (version !== undefined && version !== 1)
    json.problem(['version'], `version ${String(version)}`, 'use "version":1');
  if (list.length === 0) json.problem(['partitions'], 'no partition is listed', 'list the partitions');
  const seen = new Set<string>();
  for (let i = 0; i < list.length; i += 1) {
    const at = ['partitions', i] as const;
    const { topic, partition, replicas, log_dirs: logDirs } = (list[i] ?? {}) as Record<string, unknown>;
    if (typeof topic !== 'string' || topic === '') {
      json.problem([...at, 'topic'], `partition entry ${i + 1} without a topic`, 'give "topic" as text');
      continue;
    }
    if (!isId(partition)) {
      json.problem(
        [...at, 'partition'],
        `${topic}: no partition number`,
        'give "partition" as a whole number',
      );
      continue;
    }
    const name = `${topic}-${partition}`;
    if (!Array.isArray(replicas) || !replicas.every(isId)) {
      json.problem([...at, 'replicas'], `${name}: no list of broker ids`, 'give "replicas" as broker ids');
      continue;
    }
    if (Array.isArray(logDirs) && logDirs.length !== replicas.length)
      json.problem(
        [...at, 'log_dirs'],
        `${name}: ${logDirs.length} log_dirs for ${replicas.length} replicas`,
        'give one for each replica, or none',
      );
    const wrong = wrongReplicas(name, replicas);
    if (wrong !== undefined) json.problem([...at, 'replicas'], wrong.found, wrong.mend);
    else if (seen.has(name)) json.problem([...at, 'topic'], `${name} is listed twice`, 'keep one of the two');
    else {
      partitions.push({ topic, partition, replicas });
      entries.push(i);
    }
    seen.add(name);
  }
  return made;
}

/**
 * Output of `kafka-topics.sh --describe`: summary lines and partition lines, fields apart by tabs, which a terminal may have turned into
 * blanks. Lines before the first topic (prompts, log lines) are passed over. Source: Kafka 3.7 `TopicCommand`.
 */
function readDescribe(text: string, file: string): ReadAssignment {
  const partitions: AssignedPartition[] = [];
  const problems: Problem[] = [];
  const seen = new Set<string>();
  let line = 0;
  let column = 1;
  const problem = (found: string, mend: string) => {
    if (problems.length < 100)
      problems.push({ file, line, column, path: '', found, mend, severity: 'problem' });
  };
  let any = false;
  for (const row of text.split(/\r?\n/)) {
    line += 1;
    column = 1;
    const found = /^\s*Topic:\s*(\S+)\s+Partition:\s*(\S+)\s+Leader:\s*(\S+)\s+Replicas:\s*(\S*)/.exec(row);
    if (found === null) {
      if (/^\s*Topic:\s*\S+/.test(row)) {
        any = true;
        if (/\sPartition:/.test(row))
          problem('a partition line without leader or replicas', 'paste the whole output');
      } else if (any && row.trim() !== '')
        problem(`"${row.trim().slice(0, 40)}" among the topics`, 'remove the line');
      continue;
    }
    any = true;
    column = row.indexOf('Topic:') + 1;
    const topic = found[1]!;
    const partition = Number(found[2]);
    const name = `${topic}-${partition}`;
    const replicas = found[4]!.split(',').map((id) => (/^\d+$/.test(id) ? Number(id) : Number.NaN));
    const wrong = wrongReplicas(name, replicas);
    if (!/^\d+$/.test(found[2]!)) problem(`${topic}: no partition number`, 'paste the whole output');
    else if (replicas.some(Number.isNaN))
      problem(
        `${name}: replicas ${found[4]!.slice(0, 40) || 'are missing'}`,
        'list broker ids apart by commas',
      );
    else if (wrong !== undefined) problem(wrong.found, wrong.mend);
    else if (seen.has(name)) problem(`${name} is listed twice`, 'keep one of the two');
    else partitions.push({ topic, partition, replicas });
    seen.add(name);
  }
  if (partitions.length === 0 && problems.length === 0) {
    line = 1;
    column = 1;
    problem('neither a reassignment JSON nor the output of kafka-topics --describe', 'name such a file');
  }
  return { partitions, problems };
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
