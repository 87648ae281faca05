import { expect, test } from 'vitest';
import { build } from '../../src/scenario/build.ts';
import { loadScenario, type Scenario } from '../../src/scenario/load.ts';
import { parts } from '../../src/scenario/parts/index.ts';
import { reader } from '../support/files.ts';

const monitoring = (more = '') => `
monitoring:
  scrapeInterval: 15s
  scrapeOffset: 0s
  evaluationInterval: 15s
  evaluationOffset: 0s
  groups:
    - name: g
      rules:
        - alert: UnderReplicated
          expr: kafka_server_replicamanager_underreplicatedpartitions > 0
          for: 30s
          labels: { severity: page }
  alertmanager: { route: { receiver: r, groupWait: 10s }, receivers: [{ name: r, kinds: [webhook] }] }
  channels:
    - { name: pager, receivers: [r], delivery: 5s, steps: [{ name: on-call, acknowledges: 60s }${more}] }
`;

const text = (timeline: string, rest = monitoring()) => `rehearse: 1
extends: models/platforms/reference.yaml
from: 2025-01-01T00:00:00Z
to: +40m
timeline:
  - { at: +60s, id: down, do: operations.restart, broker: 0, downTime: 900s, drain: 5s }
${timeline}
${rest}`;

function load(scenario: string) {
  return loadScenario('m.yaml', reader({ 'm.yaml': scenario }), parts);
}

/** What is told of it: `line:column path: found`. */
function told(scenario: string): string[] {
  const loaded = load(scenario);
  expect(loaded.scenario).toBeUndefined();
  return loaded.problems.map((p) => `${p.line}:${p.column} ${p.path}: ${p.found}; ${p.mend}`);
}

function played(scenario: string) {
  const loaded = load(scenario);
  expect(loaded.problems).toEqual([]);
  const built = build(loaded.scenario as Scenario, { seed: '1', record: 'all', keepEvents: true });
  built.sim.run(built.until);
  return {
    told: built.sim.told
      .filter(({ kind }) => kind.startsWith('responder.') || kind === 'operations.restart')
      .map(({ time, kind, subject }) => `${time / 1e6} ${kind} ${subject}`),
    value: (name: string) =>
      [...(built.live().of(`rehearse:incident_${name}`) ?? [])].map((s) => [s.labels, s.values[0]]),
  };
}

const answer = (more: string) =>
  `  - { when: UnderReplicated, id: fix, do: operations.restart, broker: 1, ${more} }`;

test('an action waits for the alert, its message, its arrival or the acknowledgement, and then for after', () => {
  const at = (more: string) => {
    const acts = played(text(answer(more))).told.filter((line) => line.includes('responder.acts'));
    expect(acts).toHaveLength(1);
    return Number(acts[0]!.split(' ')[0]);
  };
  const firing = at('of: firing');
  expect(at('of: notified')).toBe(firing + 10);
  expect(at('of: delivered')).toBe(firing + 15);
  expect(at('of: acknowledged')).toBe(firing + 75);
  expect(at('after: 2m')).toBe(firing + 75 + 120);
  expect(at('responder: on-call')).toBe(firing + 75);
});

test('the stages of an incident are measured from the evaluation that found it', () => {
  const run = played(text(answer('after: 2m, downTime: 60s, drain: 5s')));
  const stage = (name: string) => {
    const found = run.value(`${name}_seconds`);
    expect(found).toHaveLength(1);
    expect(found[0]![0]).toEqual({ alertname: 'UnderReplicated', entry: 'fix' });
    return found[0]![1] as number;
  };
  // 30 s of for; 10 s of group wait; 5 s of delivery; 60 s to the acknowledgement; 2 min to the step.
  expect(['detect', 'notify', 'deliver', 'acknowledge', 'mitigate'].map(stage)).toEqual([
    30, 40, 45, 105, 225,
  ]);
  expect(stage('recover')).toBeGreaterThan(800);
});

test('a runbook is followed step by step, and stands down where the alert fires no more', () => {
  const runbook = `runbooks:
  - name: two-restarts
    steps:
      - { do: operations.restart, broker: 1, downTime: 30s, drain: 5s }
      - { after: SECOND, do: operations.restart, broker: 2, downTime: 30s, drain: 5s }
`;
  const entry =
    '  - { when: UnderReplicated, id: book, of: firing, runbook: two-restarts, whileFiring: true }';
  const soon = played(text(entry, runbook.replace('SECOND', '3m') + monitoring())).told;
  expect(soon.filter((line) => line.includes('responder.acts'))).toHaveLength(2);
  const late = played(text(entry, runbook.replace('SECOND', '30m') + monitoring())).told;
  expect(late.filter((line) => line.includes('responder.acts'))).toHaveLength(1);
  expect(late.filter((line) => line.includes('responder.standsDown'))).toHaveLength(1);
});

test('an answer is given once, or each time with a cool-down', () => {
  // Restarting a broker makes the alert fire again: an answer that is given each time chases itself.
  const acts = (more: string) =>
    played(text(answer(`of: firing, downTime: 20s, drain: 5s${more}`))).told.filter((line) =>
      line.includes('responder.acts'),
    ).length;
  expect(acts('')).toBe(1);
  // Every six minutes; a cool-down of ten lets the second firing pass, and nothing makes it fire again.
  expect(acts(', once: false')).toBe(5);
  expect(acts(', once: false, coolDown: 5m')).toBe(5);
  expect(acts(', once: false, coolDown: 10m')).toBe(1);
});

test('a scenario without an entry that waits keeps its run', () => {
  const loaded = load(text(''));
  const events = (rest: string) => {
    const built = build(load(text('', rest)).scenario as Scenario, { seed: '1' });
    built.sim.run(built.until);
    return [built.sim.fingerprint, built.sim.eventCount];
  };
  expect(loaded.problems).toEqual([]);
  expect(events(monitoring())).toEqual(events(''));
});

test('an alert, a runbook, a person or an action that is not there is told with the nearest name', () => {
  const one = (entry: string, rest = monitoring()) =>
    told(text(`  - { ${entry} }`, rest)).map((t) => t.replace(/;.* actions are.*/, ''));
  const does = 'do: operations.restart, broker: 1';
  expect(one(`when: UnderReplicate, ${does}`)).toEqual([
    '7:13 timeline.operations.restart#2.when: there is no alert UnderReplicate; write UnderReplicated',
  ]);
  expect(one('when: UnderReplicated, runbook: x')).toEqual([
    '7:39 timeline.1.runbook: there is no runbook x; list it under runbooks',
  ]);
  expect(one(`when: UnderReplicated, responder: on-cal, ${does}`)).toEqual([
    '7:41 timeline.operations.restart#2.responder: nobody named on-cal acknowledges; write on-call',
  ]);
  expect(one('when: UnderReplicated, do: operations.restar, broker: 1')).toEqual([
    '7:34 timeline.operations.restar#2.do: there is no action operations.restar',
  ]);
  expect(one(`when: UnderReplicated, afer: 5m, ${does}`)).toEqual([
    '7:30 timeline.operations.restart#2.afer: there is no key afer; write after, or remove it',
  ]);
  expect(one(`when: UnderReplicated, at: +5m, ${does}`)[0]).toContain('both at and when');
  expect(one(`when: UnderReplicated, coolDown: 5m, ${does}`)[0]).toContain(
    'a cool-down of what happens once',
  );
  expect(one(`when: UnderReplicated, matchers: [x], ${does}`)[0]).toContain('x is no matcher');
  expect(one('when: UnderReplicated')[0]).toContain('neither do nor runbook');
  expect(one(`when: UnderReplicated, ${does}`, monitoring().replace(', acknowledges: 60s', ''))[0]).toContain(
    'nobody acknowledges an alert',
  );
});

test('an action that has to be known before the run is refused, and steps of a runbook are checked at their place', () => {
  expect(told(text('  - { when: UnderReplicated, do: faults.broker, broker: 1 }'))[0]).toMatch(
    /^7:34 timeline\.faults\.broker#2\.do: faults\.broker cannot wait for an alert/,
  );
  const rest = `runbooks:
  - name: book
    steps:
      - { do: operations.restart, broker: 77 }
${monitoring()}`;
  expect(told(text('  - { when: UnderReplicated, runbook: book }', rest))[0]).toMatch(
    /^11:\d+ runbooks\.book\.steps\.operations\.restart#1\.broker: |^11:\d+ runbooks\.book\.steps\.0\.broker: /,
  );
});

test('no action has a key of its own that an entry which waits for an alert has too', async () => {
  const { reactionKeys } = await import('../../src/scenario/reactions.ts');
  const { leafKeys } = await import('../../src/scenario/jsonSchema.ts');
  const actionKeys = leafKeys(parts).flatMap((key) => /^timeline\[[\w.]+\]\.(\w+)/.exec(key)?.[1] ?? []);
  expect(actionKeys.length).toBeGreaterThan(50);
  const own = new Set(Object.keys(reactionKeys).filter((k) => !['do', 'id', 'name'].includes(k)));
  expect(actionKeys.filter((key) => own.has(key))).toEqual([]);
});
