import type { Fact, Facts } from '../../scenario/facts/fact.ts';
import { Book, type Rule } from './book.ts';
import { flowRules } from './flows.ts';
import { processRules } from './processes.ts';
import { samenessRules } from './sameness.ts';
import { timeRules } from './times.ts';

/** Every rule, in the order in which findings are sought. None knows a subject by its name. */
export const rules: readonly Rule[] = [...samenessRules, ...timeRules, ...flowRules, ...processRules];

/** Facts that cannot be true together. */
export interface AuditFinding {
  /** As the labels of the facts file call it; else `X1`, `X2` and so on, by the first line that it cites. */
  readonly id: string;
  readonly rule: string;
  readonly about: string;
  /** `file:line` of each fact, without repetition. */
  readonly places: readonly string[];
  readonly facts: readonly Fact[];
  readonly says: string;
  readonly reading: string | undefined;
  /** Odd by what is usual; else the facts cannot be true together. */
  readonly usual: boolean;
}

export interface Audit {
  readonly file: string;
  readonly title: string;
  readonly factCount: number;
  readonly findings: readonly AuditFinding[];
}

/** Checks facts against each other by every rule. */
export function audit(facts: Facts): Audit {
  const book = new Book(facts);
  const found = rules.flatMap((rule) => [...rule.find(book)].map((c) => ({ rule, c })));
  const rows = found.map(({ rule, c }) => ({
    rule: rule.name,
    about: c.about,
    places: [...new Set(c.facts.flatMap((f) => f.citations).map((p) => `${p.file}:${p.line}`))],
    facts: c.facts,
    says: c.says,
    reading: c.reading,
    usual: rule.usual === true,
    label: facts.labels.find(
      (l) =>
        l.rule === rule.name &&
        (l.of.length === 0 || l.of.includes(c.about)) &&
        (l.quantity === undefined || c.facts.some((f) => f.quantity === l.quantity)),
    )?.id,
    first: Math.min(...c.facts.flatMap((f) => f.citations).map((p) => p.line)),
  }));
  const labelled = rows.filter((r) => r.label !== undefined);
  const others = rows.filter((r) => r.label === undefined).sort((x, y) => x.first - y.first);
  const number = (id: string) => Number(/\d+$/.exec(id)?.[0] ?? 0);
  labelled.sort((x, y) => number(x.label!) - number(y.label!) || x.first - y.first);
  const strip = ({ label: _, first: __, ...rest }: (typeof rows)[number], id: string): AuditFinding => ({
    id,
    ...rest,
  });
  return {
    file: facts.file,
    title: facts.title,
    factCount: facts.facts.length,
    findings: [...labelled.map((r) => strip(r, r.label!)), ...others.map((r, i) => strip(r, `X${i + 1}`))],
  };
}
