/**
 * `node bench/gcLog.ts`: reads a GC log of 1 GB with debug phases, made once of the recorded ones, by the code path that a verb takes; once
 * keeping every collection, and once handing each over as `calibrate` does. Each in a process of its own: the peak of one would hide that of the other.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readGcLogFiles } from '../src/cli/files.ts';
import { LongestStretch } from '../src/evidence/gcStretch.ts';

const gigabyte = 1e9;
const file = join(tmpdir(), 'rehearse-bench-gc.log');

/** One JVM started after another, all logging to one file. */
function make(): void {
  const folder = join(import.meta.dirname, '../test/recordings/g1');
  const recordings = readdirSync(folder)
    .filter((name) => name.endsWith('.log.gz'))
    .sort()
    .map((name) => gunzipSync(readFileSync(join(folder, name))));
  const making = `${file}.${process.pid}`;
  writeFileSync(making, '');
  for (let bytes = 0, i = 0; bytes < gigabyte; i += 1) {
    const part = recordings[i % recordings.length]!;
    writeFileSync(making, part, { flag: 'a' });
    bytes += part.length;
  }
  renameSync(making, file);
}

const how = process.argv[2];
if (how === undefined) {
  if (!existsSync(file)) make();
  for (const each of ['kept', 'handed over'])
    execFileSync(process.execPath, [import.meta.filename, each], { stdio: 'inherit' });
} else {
  let count = 0;
  const stretch = new LongestStretch();
  const began = performance.now();
  const log =
    how === 'kept'
      ? readGcLogFiles([file])
      : readGcLogFiles(
          [file],
          (c) => {
            count += 1;
            stretch.collection(c);
          },
          stretch.phase,
        );
  const seconds = (performance.now() - began) / 1000;
  const megabytes = statSync(file).size / 1e6;
  console.log(
    `GC log, ${how}: ${megabytes.toFixed(0)} MB, ${log.lines} lines, ${count + log.collections.length} collections, ` +
      `${log.problems.length} problems in ${seconds.toFixed(1)} s, ${(megabytes / seconds).toFixed(0)} MB/s, ` +
      `peak RSS ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
  );
}
