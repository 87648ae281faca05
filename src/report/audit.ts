import type { Audit, AuditFinding } from '../experiment/audit/audit.ts';
import type { Finding } from '../experiment/result.ts';
import { plain } from './text.ts';

/** The arithmetic, and what would reconcile the facts. */
function sentence(f: AuditFinding): string {
  const says = f.usual ? `unusual: ${f.says}` : f.says;
  return f.reading === undefined ? says : `${says}. It would fit if: ${f.reading}`;
}

/** The findings as the summary contract has them. */
export function auditFindings(audit: Audit): Finding[] {
  return audit.findings.map((f) => ({ id: f.id, rule: f.rule, facts: f.places, says: sentence(f) }));
}

export function auditJson(audit: Audit): string {
  const { file, title, factCount } = audit;
  return `${JSON.stringify({ rehearse: 1, facts: file, title, factCount, findings: auditFindings(audit) }, null, 2)}\n`;
}

function counted(audit: Audit): string {
  const { findings, factCount } = audit;
  if (findings.length === 0) return `no contradiction among ${factCount} facts`;
  const odd = findings.filter((f) => f.usual).length;
  return `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'} among ${factCount} facts: ${findings.length - odd} cannot be true together, ${odd} only if something is unusual`;
}

/** What the terminal shows. */
export function auditText(audit: Audit): string {
  const lines = [plain(audit.title), ''];
  for (const f of audit.findings) {
    lines.push(`${f.id}  ${f.rule}: ${plain(f.about)}${f.usual ? ' (unusual)' : ''}`, `  ${plain(f.says)}`);
    if (f.reading !== undefined) lines.push(`  would fit if: ${plain(f.reading)}`);
    for (const fact of f.facts)
      lines.push(
        `    ${fact.citations.map((c) => `${c.file}:${c.line}`).join(', ')}  ${plain(`${fact.subject} ${fact.quantity} ${fact.printed}${fact.source === undefined ? '' : ` (${fact.source})`}`)}`,
      );
    lines.push('');
  }
  lines.push(counted(audit));
  return `${lines.join('\n')}\n`;
}

/** Text of an untrusted file in Markdown. */
function cell(text: string): string {
  return plain(text).replace(/[\\`*_{}[\]<>|#]/g, (c) => `\\${c}`);
}

/** `audit.md`: fit for a review. */
export function auditMarkdown(audit: Audit): string {
  const lines = [`# ${cell(audit.title)}`, '', `${counted(audit)}.`];
  for (const f of audit.findings) {
    lines.push(
      '',
      `## ${cell(f.id)}: ${cell(f.about)} (${f.rule}${f.usual ? ', unusual' : ''})`,
      '',
      `${cell(f.says)}.`,
      '',
    );
    if (f.reading !== undefined) lines.push(`It would fit if: ${cell(f.reading)}.`, '');
    lines.push('| where | fact |', '|---|---|');
    for (const fact of f.facts)
      lines.push(
        `| ${cell(fact.citations.map((c) => `${c.file}:${c.line}`).join(', '))} | ${cell(`${fact.subject} ${fact.quantity} ${fact.printed}`)}${fact.source === undefined ? '' : ` (${cell(fact.source)})`} |`,
      );
  }
  return `${lines.join('\n')}\n`;
}
