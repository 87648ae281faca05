import { nearest } from '../formats/nearest.ts';
import type { Scenario, Variants } from '../scenario/load.ts';
import { parts } from '../scenario/parts/index.ts';

/**
 * A setting that is turned, and what it is turned to: plain values, as a file would hold them. Where the scenario's `vary:` has variants of that name, the values are
 * theirs, and each turns several settings.
 */
export interface Factor {
  readonly path: string;
  readonly values: readonly Value[];
}
export type Value = string | number | boolean | null;

/** One value of each factor, in their order. */
export type Point = readonly Value[];

/** What the user wrote cannot be turned: the finding, and what mends it. */
export class CannotVary extends Error {
  override readonly name = 'CannotVary';
  readonly mend: string;
  constructor(found: string, mend: string) {
    super(found);
    this.mend = mend;
  }
}

type Tree = { readonly [key: string]: unknown };
const isTree = (node: unknown): node is Tree =>
  typeof node === 'object' && node !== null && !Array.isArray(node);

/** How an entry of a list is addressed: by its id or its name. */
function nameOfEntry(
  entry: unknown,
): { readonly key: 'id' | 'name'; readonly value: string | number } | undefined {
  if (!isTree(entry)) return undefined;
  for (const key of ['id', 'name'] as const) {
    const value = entry[key];
    if (typeof value === 'string' || typeof value === 'number') return { key, value };
  }
  return undefined;
}

/**
 * A scenario's settings with one of them set, as a file on top of it would say it: lists with their entries named. Keys may hold dots themselves, as Kafka's do: the longest
 * that is there is taken.
 * @throws CannotVary when a step of the path names nothing
 */
export function settingAt(root: unknown, path: string, value: unknown): Tree {
  return step(root, path.split('.'), path, value) as Tree;
}

function step(node: unknown, rest: readonly string[], path: string, value: unknown): unknown {
  if (rest.length === 0) return value;
  if (Array.isArray(node)) {
    for (let n = rest.length; n >= 1; n -= 1) {
      const word = rest.slice(0, n).join('.');
      for (const entry of node as readonly unknown[]) {
        const name = nameOfEntry(entry);
        if (name !== undefined && String(name.value) === word)
          return [{ [name.key]: name.value, ...(step(entry, rest.slice(n), path, value) as object) }];
      }
    }
    const names = (node as readonly unknown[]).flatMap((e) => nameOfEntry(e)?.value ?? []).map(String);
    throw missing(path, rest[0]!, names);
  }
  if (!isTree(node))
    throw new CannotVary(
      `${path} leads below a value`,
      `end it at ${path.slice(0, path.length - rest.join('.').length - 1)}`,
    );
  for (let n = rest.length; n >= 1; n -= 1) {
    const key = rest.slice(0, n).join('.');
    if (Object.hasOwn(node, key)) {
      return { [key]: step(node[key], rest.slice(n), path, value) };
    }
  }
  // A setting that nobody has made yet: the scenario's own checks say whether it is known.
  if (rest.length === 1) return { [rest[0]!]: value };
  if (rest.length === 2 && rest.join('.') === path && parts.some((p) => p.name === rest[0]))
    return { [rest[0]!]: { [rest[1]!]: value } };
  throw missing(path, rest[0]!, Object.keys(node));
}

function missing(path: string, word: string, words: readonly string[]): CannotVary {
  const near = nearest(word, words);
  return new CannotVary(
    `${path} names nothing: there is no ${word}`,
    near === undefined ? `write one of ${words.slice(0, 12).join(', ')}` : `write ${near}`,
  );
}

/** One tree of settings on top of another, as `extends` merges them. */
export function merge(a: unknown, b: unknown): unknown {
  if (Array.isArray(a) && Array.isArray(b)) {
    const made = [...(a as unknown[])];
    for (const entry of b as unknown[]) {
      const name = nameOfEntry(entry)?.value;
      const at = made.findIndex((e) => nameOfEntry(e)?.value === name);
      if (at < 0) made.push(entry);
      else made[at] = merge(made[at], entry);
    }
    return made;
  }
  if (isTree(a) && isTree(b)) {
    const made: Record<string, unknown> = { ...a };
    for (const [key, value] of Object.entries(b)) made[key] = key in made ? merge(made[key], value) : value;
    return made;
  }
  return b;
}

function variantsOf(scenario: Scenario, name: string): Variants | undefined {
  const found = scenario.vary[name];
  return isTree(found) ? (found as Variants) : undefined;
}

/** The settings that one value of a factor turns. @throws CannotVary for a variant that the scenario does not have */
function settingsOf(scenario: Scenario, path: string, value: Value): readonly (readonly [string, unknown])[] {
  const variants = variantsOf(scenario, path);
  if (variants === undefined) return [[path, value]];
  const found = Object.hasOwn(variants, String(value)) ? variants[String(value)] : undefined;
  if (found !== undefined) return Object.entries(found);
  const names = Object.keys(variants);
  const near = nearest(String(value), names);
  throw new CannotVary(
    `${path} has no variant ${String(value)}`,
    near === undefined ? `write one of ${names.slice(0, 12).join(', ')}` : `write ${near}`,
  );
}

/** Path and text of a scenario that sets these on top of another. */
export function onTop(
  scenario: Scenario,
  factors: readonly Factor[],
  point: Point,
): readonly [string, string] {
  const { file, resolved } = scenario;
  const folder = file.slice(0, file.lastIndexOf('/') + 1);
  let data: unknown = { rehearse: 1, extends: file.slice(folder.length) };
  factors.forEach((f, i) => {
    for (const [path, value] of settingsOf(scenario, f.path, point[i]!))
      data = merge(data, settingAt(resolved, path, value));
  });
  return [`${folder}point.yaml`, JSON.stringify(data)];
}

/** A plain value as a file would read it. */
function plainValue(text: string): Value {
  if (text === 'true' || text === 'false') return text === 'true';
  if (text === 'null') return null;
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/**
 * What `--vary path=v1,v2` or `path=low..high:n` says: n values evenly from low to high, in the unit of both.
 * @throws CannotVary for anything else
 */
export function parseFactor(text: string): Factor {
  const at = text.indexOf('=');
  if (at < 1) throw new CannotVary(`${text} says no values`, 'write path=value,value, or path=low..high:5');
  const [path, values] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  const range = /^(.+?)\.\.(.+?)(?::(\d+))?$/.exec(values);
  if (range !== null) return { path, values: evenly(text, range[1]!, range[2]!, Number(range[3] ?? 5)) };
  const list = values
    .split(',')
    .map((v) => v.trim())
    .filter((v) => v !== '');
  if (list.length === 0) throw new CannotVary(`${text} says no values`, 'write path=value,value');
  return { path, values: list.map(plainValue) };
}

/** What a scenario's own `vary:` says. @throws CannotVary as `parseFactor` */
export function factorsOf(scenario: Scenario): readonly Factor[] {
  return Object.entries(scenario.vary).map(([path, values]) =>
    typeof values === 'string'
      ? parseFactor(`${path}=${values}`)
      : { path, values: Array.isArray(values) ? (values as readonly Value[]) : Object.keys(values) },
  );
}

/** The shortest ends of paths that still tell them apart, of two words at least where there are so many. */
export function shortPaths(factors: readonly Factor[]): readonly string[] {
  return factors.map(({ path }) => {
    const words = path.split('.');
    for (let n = Math.min(2, words.length); n <= words.length; n += 1) {
      const end = words.slice(-n).join('.');
      if (factors.every((o) => o.path === path || !`.${o.path}`.endsWith(`.${end}`))) return end;
    }
    return path;
  });
}

/** A number and its unit. */
export function splitNumber(text: string): { readonly number: number; readonly unit: string } | undefined {
  const parts = /^([+-]?\d+(?:\.\d+)?)\s*([A-Za-z%/]*)$/.exec(text.trim());
  return parts === null ? undefined : { number: Number(parts[1]), unit: parts[2]! };
}

function evenly(text: string, low: string, high: string, count: number): readonly Value[] {
  const [a, b] = [splitNumber(low), splitNumber(high)];
  if (a === undefined || b === undefined || (a.unit !== b.unit && a.unit !== ''))
    throw new CannotVary(`${text} is no range`, 'write two numbers in one unit, as in 6GiB..12GiB:7');
  if (!(b.number > a.number))
    throw new CannotVary(`${text} is an empty range`, 'write the smaller number first');
  if (count < 2 || count > 10_000)
    throw new CannotVary(`${text} has ${count} values`, 'write 2 to 10000 after the colon');
  return Array.from({ length: count }, (_, i) =>
    inUnit(a.number + ((b.number - a.number) * i) / (count - 1), b.unit),
  );
}

/** A number in a unit, as a file would hold it. */
export function inUnit(number: number, unit: string): Value {
  const rounded = Number(number.toPrecision(12));
  return unit === '' ? rounded : `${rounded}${unit}`;
}

/** How a factor is drawn: its values as numbers where all of them are numbers in one unit, which the title then has; else as words. */
export function axisOf(
  factor: Factor,
  title: string,
): { readonly title: string; readonly at: (value: Value) => number | string } {
  const parts = factor.values.map((v) => splitNumber(String(v)));
  const unit = parts[0]?.unit ?? '';
  if (!parts.every((p) => p !== undefined && p.unit === unit)) return { title, at: String };
  return {
    title: unit === '' ? title : `${title}, ${unit}`,
    at: (value) => splitNumber(String(value))!.number,
  };
}

/** Every combination, the last factor turning fastest. @throws CannotVary beyond 100,000 of them */
export function grid(factors: readonly Factor[]): readonly Point[] {
  const count = factors.reduce((n, f) => n * f.values.length, 1);
  if (count > 100_000)
    throw new CannotVary(`${count} points are too many`, 'give fewer values, or draw points with --design');
  let points: Point[] = [[]];
  for (const f of factors) points = points.flatMap((p) => f.values.map((v) => [...p, v]));
  return points;
}

/** `path = value, path = value`. */
export function pointText(factors: readonly Factor[], point: Point): string {
  return factors.map((f, i) => `${f.path} = ${String(point[i])}`).join(', ');
}
