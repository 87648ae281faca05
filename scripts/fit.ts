/** `npm run fit`: computes the fitted parameters from the facts of role fit, and writes models/fitted. */
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readerBelow, rootOf } from '../src/cli/files.ts';
import { fitParameters } from '../src/evidence/fit.ts';

const root = rootOf(import.meta.filename);
for (const file of readdirSync(join(root, 'models/fitted'))
  .filter((f) => f.endsWith('.fit.yaml'))
  .sort()) {
  const made = fitParameters(`models/fitted/${file}`, readerBelow(root));
  for (const p of made.parameters) {
    console.log(
      `${p.path.join('.')} = ${p.value} on ${p.fittedOn.join(', ')}, residual ${(p.residual * 100).toFixed(3)} %`,
    );
    for (const a of p.alternatives) console.log(`  ${a.says}: ${a.value}`);
  }
  const full = join(root, made.file);
  writeFileSync(`${full}.tmp`, made.text);
  renameSync(`${full}.tmp`, full);
  console.log(`wrote ${made.file}`);
}
