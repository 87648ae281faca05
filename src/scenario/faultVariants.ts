import type { z } from 'zod';
import { type Expectation, type Expression, parseExpectation, parseExpression } from '../promql/parse.ts';
import type { Checks } from './checks.ts';
import type { Scenario, TimelineEntry } from './load.ts';
import type { Action } from './part.ts';
import { faultsPart } from './parts/faults.ts';
import type { KafkaPartSettings } from './parts/kafka.ts';
import type { KubernetesSettings } from './parts/kubernetes.ts';
import { parseTime } from './time.ts';

/** One thing that a fault may strike: how a reader names it, and the keys of the timeline entry that strike it. */
export interface FaultTarget {
  readonly says: string;
  readonly keys: Readonly<Record<string, string | number>>;
}

type Targets = (kafka: KafkaPartSettings, kubernetes: KubernetesSettings) => readonly FaultTarget[];

function carriers({ brokers, controllers }: KafkaPartSettings): ReadonlySet<string> {
  return new Set([...brokers.map((b) => b.node), ...(controllers.nodes ?? [])]);
}

const eachBroker =
  (more: FaultTarget['keys'] = {}): Targets =>
  ({ brokers }) =>
    brokers.map((b) => ({ says: `broker ${b.id}`, keys: { broker: b.id, ...more } }));

/**
 * What a single fault of each kind strikes, by the name of the action. A node or a zone that carries no broker and no controller is none. Of the
 * controllers it is the active one; where they have processes of their own, each other voter too: in combined mode a voter dies as its broker does, which
 * is a fault of the kind `broker`.
 */
const targetsByKind: Readonly<Record<string, Targets>> = {
  broker: eachBroker(),
  node: (kafka, { nodes }) => {
    const carrying = carriers(kafka);
    return nodes.filter((n) => carrying.has(n.name)).map((n) => ({ says: n.name, keys: { node: n.name } }));
  },
  zone: (kafka, { nodes }) => {
    const carrying = carriers(kafka);
    const zones = new Set(nodes.filter((n) => carrying.has(n.name)).map((n) => n.zone));
    return [...zones].map((zone) => ({ says: `zone ${zone}`, keys: { zone } }));
  },
  controller: ({ controllers }) => [
    { says: 'the active controller', keys: {} },
    ...(controllers.mode === 'dedicated' ? (controllers.ids ?? []) : []).map((id) => ({
      says: `controller ${id}`,
      keys: { node: id },
    })),
  ],
  network: eachBroker(),
  disk: eachBroker({ how: 'failed' }),
};

/** Settings with each unknown number in the middle: what can be struck does not depend on them. Read once for all variants of a scenario. */
const read = new WeakMap<Scenario, ReturnType<Scenario['settings']>>();
function middling(scenario: Scenario): ReturnType<Scenario['settings']> {
  const known = read.get(scenario) ?? scenario.settings(() => 0.5);
  read.set(scenario, known);
  return known;
}

type AnyAction = Action<unknown, { readonly for?: number | undefined }>;
const actions = faultsPart.actions as unknown as Readonly<Record<string, AnyAction>>;

/** The kinds of faults that can be tried one by one. */
export const faultKinds: readonly string[] = Object.keys(actions).filter((kind) =>
  Object.hasOwn(targetsByKind, kind),
);

export function isFault(entry: TimelineEntry): boolean {
  return entry.part === faultsPart.name;
}

export function faultTargets(kind: string, scenario: Scenario): readonly FaultTarget[] {
  const settings = middling(scenario);
  return targetsByKind[kind](settings.kafka as KafkaPartSettings, settings.kubernetes as KubernetesSettings);
}

/** Whether a fault of this kind needs to be told how long it lasts; the others are over when what was struck has started again. */
export function needsLength(kind: string, { keys }: FaultTarget): boolean {
  return !(actions[kind].args as z.ZodType).safeParse(keys).success;
}

/** A timeline entry as a file has it. */
export type GivenEntry = Readonly<Record<string, string | number>>;

/**
 * A scenario with one more fault in its timeline, checked as the entries of a file are.
 * @param at microseconds from the start of the period
 * @returns the scenario, or why the fault cannot be played there
 */
export function withFault(
  scenario: Scenario,
  kind: string,
  at: number,
  keys: FaultTarget['keys'],
): { readonly scenario: Scenario; readonly entry: GivenEntry } | { readonly refused: string } {
  const action = actions[kind];
  const parsed = (action.args as z.ZodType<{ readonly for?: number | undefined }>).safeParse(keys);
  if (!parsed.success) return { refused: parsed.error.issues.map((issue) => issue.message).join('; ') };
  const taken = new Set(scenario.timeline.map((e) => e.id));
  let id = 'tried-fault';
  while (taken.has(id)) id += '-';
  const entry: TimelineEntry = { id, at, part: faultsPart.name, action: kind, args: parsed.data, line: 0 };
  const timeline = [...scenario.timeline, entry];
  const refused: string[] = [];
  const settings = middling(scenario);
  const checks: Checks = {
    settings: <T>(part: string) => settings[part] as T | undefined,
    timeline,
    reactions: [],
    until: scenario.length,
    from: parseTime(scenario.from) ?? 0,
    isMetric: () => false,
    problem: (_, found) => refused.push(found),
    problemIn: (_, __, found) => refused.push(found),
    expression: (_, text): Expression | undefined => {
      const parsed = parseExpression(text);
      return parsed.ok ? parsed.value : undefined;
    },
    problemsOf: () => {},
    // A fault that outlives the period is played as far as the period goes.
    warning: () => {},
    lineOf: () => 0,
    written: () => undefined,
    readText: scenario.readText,
    condition: (_, text): Expectation | undefined => {
      const condition = parseExpectation(text);
      return condition.ok ? condition.value : undefined;
    },
  };
  action.check?.(parsed.data, checks, ['timeline', id]);
  if (refused.length > 0) return { refused: refused.join('; ') };
  const given: GivenEntry = { at: `+${at / 1e6}s`, id, do: `${faultsPart.name}.${kind}`, ...keys };
  const before = (scenario.resolved.timeline ?? []) as readonly unknown[];
  return {
    entry: given,
    scenario: {
      ...scenario,
      timeline,
      timelineArgs: (draw) => [...scenario.timelineArgs(draw), parsed.data],
      resolved: { ...scenario.resolved, timeline: [...before, given] },
    },
  };
}
