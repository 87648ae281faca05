import { relative } from 'node:path';
import { exitCode, UsageError } from '../exitCodes.ts';
import { locate, mayHoldResult, readerBelow, writeResult } from '../files.ts';
import type { Command } from '../verbs.ts';

export const audit: Command = {
  usage: 'FACTS or SCENARIO',
  question: 'Do our facts add up, or which of them cannot be true together?',
  examples: [
    'rehearse audit scenarios/reference-day/facts/day.yaml',
    'rehearse audit scenarios/reference-day/facts/day.yaml --out out/audit',
  ],
  options: {
    out: { says: 'the folder to write audit.json and audit.md to', type: 'string' },
    json: { says: 'print audit.json and nothing else', type: 'boolean' },
  },
  run: async (given) => {
    const [file, ...more] = given.files;
    if (file === undefined || more.length > 0)
      throw new UsageError(
        'audit takes one file of facts, or a scenario that names one with facts:\n  mend: rehearse audit scenarios/reference-day/facts/day.yaml',
      );
    const { audit: auditFacts, rules } = await import('../../experiment/audit/audit.ts');
    const { readFacts } = await import('../../scenario/facts/read.ts');
    const { renderProblems } = await import('../../scenario/problems.ts');
    const { auditJson, auditMarkdown, auditText } = await import('../../report/audit.ts');
    const { root, path } = locate(file);
    const out = given.text('out');
    if (out !== undefined) mayHoldResult(out);
    const { facts, problems, texts } = readFacts(
      path,
      readerBelow(root),
      rules.map((r) => r.name),
    );
    if (facts === undefined)
      throw new UsageError(
        `${path} has ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}, nothing was audited\n${renderProblems(problems, texts)}`,
      );
    const found = auditFacts(facts);
    const json = auditJson(found);
    if (out !== undefined) {
      const { digest } = await import('../files.ts');
      const { version } = await import('../verbs.ts');
      const manifest = { rehearse: 1, version, facts: path, digest: digest(texts.get(path) ?? '') };
      writeResult(
        out,
        new Map([
          ['manifest.json', `${JSON.stringify(manifest, null, 2)}\n`],
          ['audit.json', json],
          ['audit.md', auditMarkdown(found)],
        ]),
      );
    }
    process.stdout.write(
      given.flag('json')
        ? json
        : `${auditText(found)}${out === undefined ? '' : `written to ${relative(process.cwd(), out) || '.'}\n`}`,
    );
    return found.findings.length === 0 ? exitCode.yes : exitCode.no;
  },
};
