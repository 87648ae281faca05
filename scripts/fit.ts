/** `npm run fit`: computes the fitted parameters from the facts of role fit, and writes models/fitted. */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readerBelow, rootOf } from '../src/cli/files.ts';
import { fitDescribedMemory } from '../src/evidence/batchFit.ts';
import { fitParameters } from '../src/evidence/fit.ts';
import { fitDescribedCosts } from '../src/evidence/gcFit.ts';
import { fitDescribedRollover } from '../src/evidence/rolloverFit.ts';

const root = rootOf(import.meta.filename);

function parameters(path: string): { readonly file: string; readonly text: string } {
  const made = fitParameters(path, readerBelow(root));
  for (const p of made.parameters) {
    console.log(
      `${p.path.join('.')} = ${p.value} on ${p.fittedOn.join(', ')}, residual ${(p.residual * 100).toFixed(3)} %`,
    );
    for (const a of p.alternatives) console.log(`  ${a.says}: ${a.value}`);
  }
  return made;
}

function costs(path: string): { readonly file: string; readonly text: string } {
  const made = fitDescribedCosts(path, readerBelow(root));
  console.log(`costs of G1 from ${made.fitted.pauses} pauses and ${made.fitted.cycles} concurrent cycles`);
  return made;
}

function memory(path: string): { readonly file: string; readonly text: string } {
  const made = fitDescribedMemory(path, readerBelow(root));
  console.log(
    `memory of a batch job: ${(made.fixedBytes / 1_073_741_824).toFixed(3)} GiB and a part by records`,
  );
  return made;
}

function rollover(path: string): { readonly file: string; readonly text: string } {
  const made = fitDescribedRollover(path, readerBelow(root));
  console.log(
    `a rollover of certificates: ${made.burst} at once, ${made.perSecond.toFixed(4)} a second; ${made.curves.length} families of curves stand beside it`,
  );
  return made;
}

function read(path: string): { readonly file: string; readonly text: string } {
  const text = readFileSync(join(root, path), 'utf8');
  if (/^logs:/m.test(text)) return costs(path);
  if (/^batch:/m.test(text)) return memory(path);
  return /^rollover:/m.test(text) ? rollover(path) : parameters(path);
}

for (const file of readdirSync(join(root, 'models/fitted'))
  .filter((f) => f.endsWith('.fit.yaml'))
  .sort()) {
  const path = `models/fitted/${file}`;
  const made = read(path);
  const full = join(root, made.file);
  writeFileSync(`${full}.tmp`, made.text);
  renameSync(`${full}.tmp`, full);
  console.log(`wrote ${made.file}`);
}
