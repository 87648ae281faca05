import type { Fact, Facts, Subject } from '../../scenario/facts/fact.ts';

/** What a rule found: facts that cannot be true together. */
export interface Contradiction {
  /** The subject that it is about. */
  readonly about: string;
  readonly facts: readonly Fact[];
  /** The arithmetic in words, with the gap that rounding leaves. */
  readonly says: string;
  /** What would make the facts agree, where one thing would. */
  readonly reading?: string | undefined;
}

export interface Rule {
  readonly name: string;
  readonly says: string;
  /** What must be so for a finding to be one. */
  readonly assumes: string;
  /** It compares with what is usual: even shares, an even pace, others that stay as they are. What it finds is odd, and not impossible. */
  readonly usual?: true;
  readonly find: (book: Book) => Iterable<Contradiction>;
}

/** Facts by quantity and subject, and how subjects stand to each other. */
export class Book {
  readonly facts: readonly Fact[];
  private readonly bySubject = new Map<string, Fact[]>();
  private readonly byQuantity = new Map<string, Fact[]>();
  private readonly children = new Map<string, Subject[]>();
  private readonly subjects: ReadonlyMap<string, Subject>;

  constructor(facts: Facts) {
    this.facts = once(facts.facts);
    this.subjects = facts.subjects;
    for (const f of this.facts) {
      const key = `${f.quantity} ${f.subject}`;
      push(this.byQuantity, f.quantity, f);
      push(this.bySubject, key, f);
    }
    for (const s of facts.subjects.values()) if (s.in !== undefined) push(this.children, s.in, s);
  }

  /** Facts that state a value of this quantity of a subject, in the order of the file. */
  of(quantity: string, subject: string): readonly Fact[] {
    return (this.bySubject.get(`${quantity} ${subject}`) ?? []).filter((f) => !f.absent);
  }

  /** The first of them. */
  one(quantity: string, subject: string): Fact | undefined {
    return this.of(quantity, subject)[0];
  }

  all(quantity: string): readonly Fact[] {
    return (this.byQuantity.get(quantity) ?? []).filter((f) => !f.absent);
  }

  /** Facts of one quantity of one subject, those that tell its absence among them, in the order of the file. */
  groups(): Iterable<readonly Fact[]> {
    return this.bySubject.values();
  }

  subject(name: string): Subject {
    return this.subjects.get(name)!;
  }

  everySubject(): Iterable<Subject> {
    return this.subjects.values();
  }

  parts(whole: string): readonly Subject[] {
    return this.children.get(whole) ?? [];
  }

  /** Its parts by kind, where every one of the kind states the quantity; with the facts, in order. */
  wholeKinds(quantity: string, whole: string): readonly { kind: string; facts: readonly Fact[] }[] {
    const kinds = [...new Set(this.parts(whole).map((p) => p.kind))];
    return kinds.flatMap((kind) => {
      const parts = this.parts(whole).filter((p) => p.kind === kind);
      const facts = parts.map((p) => this.one(quantity, p.name));
      return facts.every((f) => f !== undefined) && this.subject(whole).complete.includes(kind)
        ? [{ kind, facts: facts as Fact[] }]
        : [];
    });
  }

  /** The subject, then what it is a part of, and so on. */
  upwards(name: string): readonly string[] {
    const found: string[] = [];
    for (let at: string | undefined = name; at !== undefined; at = this.subjects.get(at)?.in) found.push(at);
    return found;
  }

  /** The nearest fact of this quantity, of the subject or of a whole that it belongs to. */
  nearest(quantity: string, subject: string): Fact | undefined {
    for (const name of this.upwards(subject)) {
      const found = this.one(quantity, name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** Whether two facts hold at one time at least. */
export function together(x: Fact, y: Fact): boolean {
  return x.holds.from <= y.holds.to && y.holds.from <= x.holds.to;
}

/** What is told in several places in the same words is one fact with several citations. */
function once(facts: readonly Fact[]): readonly Fact[] {
  const found = new Map<string, Fact>();
  for (const f of facts) {
    const key = JSON.stringify([
      f.quantity,
      f.subject,
      f.absent,
      f.value.map(String),
      String(f.holds.from),
      String(f.holds.to),
      f.window ?? null,
      f.source ?? null,
    ]);
    const before = found.get(key);
    found.set(
      key,
      before === undefined ? f : { ...before, citations: [...before.citations, ...f.citations] },
    );
  }
  return [...found.values()];
}
