import { factors, type GcLog, type LoggedCollection, type LoggedJvm, tidy } from './gcLog.ts';

const mebibyte = 1_048_576;

/** With at least `digits` decimals, as the JVM writes it, and with as many more as the number has, up to nine. */
function fixed(x: number, digits: number): string {
  for (let n = digits; n < 9; n += 1) if (Number(x.toFixed(n)) === x) return x.toFixed(n);
  return x.toFixed(9);
}

/** Bytes in the largest unit that leaves a whole number. */
function sizeText(bytes: number): string {
  const whole = Math.round(bytes);
  for (const unit of ['G', 'M', 'K'])
    if (whole > 0 && whole % factors[unit]! === 0) return `${whole / factors[unit]!}${unit}`;
  return `${whole}B`;
}

/** Used bytes, which the JVM gives in M; here in K or B where M would lose some. */
function usedText(mib: number): string {
  return Number.isInteger(mib)
    ? `${mib}M`
    : sizeText(mib * mebibyte).replace(/^(\d+)G$/, (_, g) => `${Number(g) * 1024}M`);
}

/** A sum over workers, told as if each had done the same: who did what is not known any more. */
function millisOfWorkers(name: string, sum: number, workers: number): string {
  const each = (sum / workers).toFixed(1).padStart(4);
  return `${name.padEnd(31)}Min: ${each}, Avg: ${each}, Max: ${each}, Diff:  0.0, Sum: ${fixed(sum, 1).padStart(4)}, Workers: ${workers}`;
}

function countOfWorkers(name: string, sum: number, workers: number): string {
  const each = sum / workers;
  const [least, most] = [Math.floor(each), Math.ceil(each)];
  return `${name.padEnd(31)}Min: ${least}, Avg: ${each.toFixed(1).padStart(4)}, Max: ${most}, Diff: ${most - least}, Sum: ${sum}, Workers: ${workers}`;
}

/**
 * Writes a log as JDK 17 does with `-Xlog:gc*,gc+ihop=debug,gc+phases=debug,gc+age=trace` and the decorators uptime, level and tags, so
 * far as the log tells: what is read back from it is the same log but for line numbers, times to a billionth of a second. Lines of
 * other kinds are not written.
 */
export function writeGcLog(log: GcLog): string {
  const out: string[] = [];
  log.stretches.forEach((jvm, stretch) => {
    writeJvm(jvm, out);
    const lines: { readonly at: number; readonly text: readonly string[] }[] = [];
    // Pauses stand one after another, and phases end in the order in which they are given, whatever the rounding of their times says.
    let at = 0;
    const add = (seconds: number, text: readonly string[]) => {
      at = Math.max(at, seconds);
      lines.push({ at, text });
    };
    const ended = new Map<number, number>();
    for (const c of log.collections) {
      if (c.stretch !== stretch) continue;
      const ends = c.startSeconds + c.millis / 1000;
      add(c.startSeconds, [
        decorated(fixed(c.startSeconds, 3), 'info', 'gc,start', `GC(${c.number}) ${pauseText(c)}`),
      ]);
      add(ends, collectionLines(c, ends.toFixed(3)));
      ended.set(c.number, at);
    }
    at = 0;
    for (const p of log.phases) {
      if (p.stretch !== stretch) continue;
      // A cycle has the number after the pause that began it.
      at = Math.max(at, ended.get(p.number - 1) ?? 0);
      const tags = /^Concurrent (?:Mark|Undo) Cycle$/.test(p.name) ? 'gc' : 'gc,marking';
      const name = `GC(${p.number}) ${p.name}`;
      const begins = Math.max(0, p.endSeconds - p.millis / 1000);
      const aborts = p.name === 'Concurrent Mark Abort';
      if (!aborts)
        lines.push({
          at: Math.max(begins, ended.get(p.number - 1) ?? 0),
          text: [decorated(begins.toFixed(3), 'info', tags, name)],
        });
      add(p.endSeconds, [
        decorated(fixed(p.endSeconds, 3), 'info', tags, aborts ? name : `${name} ${fixed(p.millis, 3)}ms`),
      ]);
    }
    lines.sort((a, b) => a.at - b.at);
    for (const { text } of lines) for (const line of text) out.push(line);
  });
  return `${out.join('\n')}\n`;
}

function decorated(seconds: string, level: string, tags: string, text: string): string {
  return `[${seconds}s][${level.padEnd(5)}][${tags.padEnd(15)}] ${text}`;
}

function pauseText(c: LoggedCollection): string {
  return `Pause ${c.type}${c.cause === '' ? '' : ` (${c.cause})`}`;
}

function writeJvm(jvm: LoggedJvm, out: string[]): void {
  const init = (name: string, value: string | number | undefined) => {
    if (value !== undefined) out.push(decorated('0.000', 'info', 'gc,init', `${name}: ${value}`));
  };
  out.push(decorated('0.000', 'info', 'gc', 'Using G1'));
  init('Version', jvm.version);
  init('CPUs', jvm.cpus === undefined ? undefined : `${jvm.cpus} total, ${jvm.cpus} available`);
  init('Heap Region Size', jvm.regionBytes === undefined ? undefined : sizeText(jvm.regionBytes));
  init('Heap Max Capacity', jvm.heapMaxBytes === undefined ? undefined : sizeText(jvm.heapMaxBytes));
  init('Parallel Workers', jvm.parallelThreads);
  init('Concurrent Workers', jvm.concurrentThreads);
}

/** What a pause tells when it ends. */
function collectionLines(c: LoggedCollection, seconds: string): string[] {
  const lines: string[] = [];
  const say = (level: string, tags: string, text: string) =>
    lines.push(decorated(seconds, level, tags, `GC(${c.number}) ${text}`));
  const workers = c.workers?.[0] ?? 1;
  const wall = (name: string, millis: number | undefined) => {
    if (millis !== undefined) say('info', 'gc,phases', `  ${name}: ${fixed(millis, 1)}ms`);
  };
  const millis = (name: string, sum: number | undefined) => {
    if (sum !== undefined) say('debug', 'gc,phases', `    ${millisOfWorkers(name, sum, workers)}`);
  };
  const count = (indent: string, name: string, sum: number | undefined) => {
    if (sum !== undefined) say('debug', 'gc,phases', indent + countOfWorkers(name, sum, workers));
  };

  if (c.workers !== undefined)
    say('info', 'gc,task', `Using ${c.workers[0]} workers of ${c.workers[1]} for evacuation`);
  if (c.desiredSurvivorBytes !== undefined && c.tenuringThreshold !== undefined)
    say(
      'debug',
      'gc,age',
      `Desired survivor size ${c.desiredSurvivorBytes} bytes, new threshold ${c.tenuringThreshold} (max threshold 15)`,
    );
  let total = 0;
  c.ageBytes?.forEach((bytes, i) => {
    total += bytes;
    const [age, here, sofar] = [
      String(i + 1).padStart(3),
      String(bytes).padStart(10),
      String(total).padStart(10),
    ];
    say('trace', 'gc,age', `- age ${age}: ${here} bytes, ${sofar} total`);
  });
  if (c.ihop !== undefined) {
    const { thresholdBytes, targetBytes, adaptive } = c.ihop;
    const share = targetBytes > 0 ? ((100 * thresholdBytes) / targetBytes).toFixed(2) : '0.00';
    say(
      'debug',
      'gc,ihop',
      `Adaptive IHOP information (value update), threshold: ${thresholdBytes}B (${share}), internal target occupancy: ${targetBytes}B, prediction active: ${adaptive}`,
    );
  }
  const { otherMillis, mergeMillis, postMillis } = c;
  wall('Merge Heap Roots', mergeMillis);
  wall('Evacuate Collection Set', c.evacuateMillis);
  millis('Scan Heap Roots (ms):', c.scanWorkerMillis);
  count('      ', 'Scanned Cards:', c.scannedCards);
  millis('Object Copy (ms):', c.copyWorkerMillis);
  wall('Post Evacuate Collection Set', postMillis);
  count('        ', 'Copied Bytes', c.copiedBytes);
  if (otherMillis !== undefined) wall('Other', tidy(otherMillis - (mergeMillis ?? 0) - (postMillis ?? 0)));
  const regions = (name: string, counts: readonly number[] | undefined) => {
    if (counts === undefined) return;
    const target = counts.length > 2 ? `(${counts[2]})` : '';
    say('info', 'gc,heap', `${name} regions: ${counts[0]}->${counts[1]}${target}`);
  };
  regions('Eden', c.eden);
  regions('Survivor', c.survivors);
  regions('Old', c.old);
  regions('Humongous', c.humongous);
  if (c.toSpaceExhausted) say('info', 'gc', 'To-space exhausted');
  const [before, after, capacity] = c.usedMiB;
  say(
    'info',
    'gc',
    `${pauseText(c)} ${usedText(before)}->${usedText(after)}(${usedText(capacity)}) ${fixed(c.millis, 3)}ms`,
  );
  if (c.cpuSeconds !== undefined) {
    const [user, system, real] = c.cpuSeconds.map((s) => fixed(s, 2));
    say('info', 'gc,cpu', `User=${user}s Sys=${system}s Real=${real}s`);
  }
  return lines;
}
