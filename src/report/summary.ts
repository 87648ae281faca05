import { z } from 'zod';
import type { Replications } from '../experiment/replicated.ts';
import type { AlertsOutcome, Before, FaultsOutcome, Reliability, Result } from '../experiment/result.ts';
import type { RunSheet } from '../experiment/runSheet.ts';

const finite = z.number().nullable();

const expectation = z.strictObject({
  name: z.string(),
  that: z.string(),
  mode: z.enum(['exact', 'scraped']),
  when: z.string(),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  value: finite,
  margin: finite,
  says: z.string(),
  place: z.string().meta({ description: 'file:line of what asks for it' }),
});

const risk = z.strictObject({
  name: z.string(),
  unit: z.string(),
  says: z.string(),
  value: finite,
  limit: finite,
  ok: z.boolean(),
  where: z.string(),
});

/** The versioned contract that other programs read. */
export const summarySchema = z.strictObject({
  rehearse: z.literal(1),
  scenario: z.string(),
  file: z.string().meta({ description: 'the scenario file, relative to the root of its project' }),
  title: z.string(),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  seed: z.string(),
  seeds: z.number(),
  fingerprint: z.string(),
  events: z.number(),
  from: z.string(),
  lengthSeconds: z.number(),
  playedSeconds: z.number(),
  draws: z.boolean().meta({ description: 'whether chance plays a part' }),
  stoppedBecause: z.string().nullable(),
  expectations: z.array(expectation),
  observed: z.array(
    z.strictObject({
      name: z.string(),
      that: z.string(),
      role: z.enum(['input', 'assumed', 'reconciled', 'fit', 'derived', 'predict', 'compare']),
      unit: z.string(),
      observed: finite,
      predicted: finite,
      interval: z.tuple([z.number(), z.number()]).nullable(),
      relativeError: finite,
      within: finite,
      ok: z.boolean().nullable(),
      baseline: finite,
      baselineSays: z.string().nullable(),
      contradiction: z.string().nullable(),
      note: z.string().nullable(),
      source: z.string(),
    }),
  ),
  risks: z.array(risk),
  measures: z.array(
    z.strictObject({
      name: z.string(),
      labels: z.record(z.string(), z.string()),
      unit: z.string(),
      value: finite,
    }),
  ),
  findings: z.array(
    z.strictObject({ id: z.string(), rule: z.string(), facts: z.array(z.string()), says: z.string() }),
  ),
  before: z
    .strictObject({
      scenario: z.string(),
      title: z.string(),
      seed: z.string(),
      verdict: z.enum(['pass', 'fail', 'inconclusive']),
      fingerprint: z.string(),
      expectations: z.array(expectation),
      risks: z.array(risk),
    })
    .optional()
    .meta({ description: 'the result without the change; present where there is one to compare with' }),
  warmedInsteadOfPlayed: z
    .array(z.string())
    .meta({ description: 'what was set at the start in place of a warm-up' }),
  reliability: z
    .strictObject({
      runs: z.number(),
      playedSeconds: z.number(),
      notSampled: z.array(z.string()),
      measures: z.array(
        z.strictObject({
          name: z.string(),
          unit: z.string(),
          says: z.string(),
          of: z.enum(['mean', 'chance', 'yearly']),
          value: z.number(),
          interval: z.tuple([z.number(), z.number()]).nullable(),
          count: finite,
        }),
      ),
    })
    .optional()
    .meta({
      description: 'estimates over the seeds, with 95 % intervals; present when things fail by chance',
    }),
  replications: z
    .strictObject({
      runs: z.number(),
      looks: z.number(),
      distinct: z.number(),
      covers: z.string(),
      interrupted: z.boolean(),
      measures: z.array(
        z.strictObject({
          name: z.string(),
          of: z.enum(['observed', 'risk', 'expectation']),
          unit: z.string(),
          count: z.number(),
          mean: finite,
          halfWidth: finite,
          skewNeeds: finite.meta({
            description: 'runs that the interval of so skew a measure needs, where there are fewer',
          }),
          varies: z.boolean(),
          quantiles: z.array(
            z.strictObject({
              p: z.number(),
              value: finite,
              interval: z.tuple([z.number(), z.number()]).nullable(),
              needs: finite,
            }),
          ),
          over: z.strictObject({ count: z.number(), interval: z.tuple([z.number(), z.number()]) }).nullable(),
        }),
      ),
      expectations: z.array(
        z.strictObject({
          name: z.string(),
          holdsIn: finite,
          held: z.number(),
          interval: z.tuple([z.number(), z.number()]),
          verdict: z.enum(['pass', 'fail', 'inconclusive']).nullable(),
          needs: finite,
        }),
      ),
      fans: z
        .array(
          z.strictObject({
            title: z.string(),
            unit: z.string(),
            moments: z.array(z.number()).meta({ description: 'microseconds of the period' }),
            bands: z.array(z.strictObject({ p: z.number(), values: z.array(finite) })),
          }),
        )
        .meta({ description: 'quantiles over the runs of curves at each of these moments' }),
      nested: z
        .strictObject({
          inputs: z.number(),
          runsEach: z.number(),
          measures: z.array(
            z.strictObject({
              name: z.string(),
              of: z.enum(['observed', 'risk', 'expectation']),
              unit: z.string(),
              inputs: z.number(),
              mean: z.number(),
              halfWidth: z.number(),
              between: z.number(),
              within: z.number(),
              share: finite,
              interval: z.tuple([z.number(), z.number()]).nullable(),
            }),
          ),
          expectations: z.array(
            z.strictObject({
              name: z.string(),
              holdsIn: z.number(),
              holds: z.number(),
              inputs: z.number(),
              interval: z.tuple([z.number(), z.number()]),
            }),
          ),
        })
        .nullable()
        .meta({
          description:
            'uncertain inputs and chance told apart: standard deviations between draws of the inputs and within them, and the share of the variance between; null without --inputs',
        }),
      worst: z.strictObject({ replication: z.number(), says: z.string() }).nullable(),
      broken: z.array(z.strictObject({ replication: z.number(), says: z.string() })),
    })
    .optional()
    .meta({ description: 'what many runs that differ by chance say; present where they were asked for' }),
  serviceLevels: z
    .array(
      z.strictObject({
        name: z.string(),
        objective: z.number(),
        periodSeconds: z.number(),
        errorRatio: finite,
        burnRate: finite,
        spent: finite,
        lastsSeconds: finite,
      }),
    )
    .optional()
    .meta({ description: 'error budgets; present where there are objectives' }),
  dueDates: z
    .array(
      z.strictObject({
        name: z.string(),
        kind: z.string(),
        endsSeconds: z.number(),
        renewsSeconds: finite,
      }),
    )
    .optional()
    .meta({
      description:
        'what ends next, in seconds from the start of the period; null: nobody renews it; present where something does',
    }),
  alerts: z
    .strictObject({
      answerable: z.number(),
      rules: z.array(
        z.strictObject({
          rule: z.string(),
          kind: z.enum(['alert', 'record']),
          group: z.string(),
          file: z.string(),
          notAnswerable: z.string().nullable(),
          fired: z.number(),
        }),
      ),
      spells: z.array(
        z.strictObject({
          alert: z.string(),
          labels: z.record(z.string(), z.string()),
          shown: z.string().meta({ description: "the labels that tell it from the alert's other times" }),
          activeSeconds: z.number(),
          firedSeconds: finite,
          endedSeconds: finite,
        }),
      ),
      silences: z.array(
        z.strictObject({
          alert: z.string(),
          matchers: z.array(z.string()),
          fromSeconds: z.number(),
          toSeconds: z.number(),
          messages: z.number(),
        }),
      ),
    })
    .optional()
    .meta({
      description:
        'what alert rules said, in seconds from the start of the period; present where there are any',
    }),
  faults: z
    .strictObject({
      kinds: z.array(z.string()),
      lastsSeconds: z.number(),
      changeSeconds: finite,
      refused: z.number(),
      signs: z.array(
        z.strictObject({ name: z.string(), unit: z.string(), says: z.string(), that: z.string() }),
      ),
      moments: z.array(
        z.strictObject({
          step: z.string(),
          atSeconds: z.number(),
          nextSeconds: z.number(),
          standsForSeconds: finite,
          change: z.boolean(),
        }),
      ),
      exposure: z.array(
        z.strictObject({
          kind: z.string(),
          worst: finite,
          seconds: finite,
          steps: z.array(z.string()),
          laterSteps: z.array(z.string()),
          targets: z.array(z.string()),
        }),
      ),
      variants: z.array(
        z.strictObject({
          moment: z.number(),
          step: z.string(),
          atSeconds: z.number(),
          standsForSeconds: finite,
          kind: z.string(),
          target: z.string(),
          outage: z.string().nullable(),
          later: z.string().nullable(),
          more: z.record(z.string(), z.number()),
        }),
      ),
      worst: z
        .strictObject({
          variant: z.number(),
          entry: z.record(z.string(), z.union([z.string(), z.number()])),
          fingerprint: z.string(),
        })
        .nullable(),
    })
    .optional()
    .meta({ description: 'what single faults during the change lead to; present when they were tried' }),
  runSheets: z
    .array(
      z.strictObject({
        change: z.string(),
        title: z.string(),
        risk: z.string(),
        fromSeconds: z.number(),
        toSeconds: z.number(),
        recoverySeconds: z.number(),
        runs: z.number(),
        draws: z.boolean(),
        overSeconds: z.number().nullable(),
        steps: z.array(
          z.strictObject({
            step: z.string(),
            sub: z.string().nullable(),
            does: z.string(),
            beginsSeconds: z.array(z.number()).length(2),
            runs: z.number(),
            finished: z.number(),
            tookSeconds: z.array(z.number()).length(2).nullable(),
            takesSeconds: z.array(
              z.strictObject({
                p: z.number(),
                value: z.number().nullable(),
                interval: z.array(z.number()).length(2).nullable(),
                needs: z.number().nullable(),
              }),
            ),
            ranges: z.array(
              z.strictObject({
                metric: z.string(),
                says: z.string(),
                unit: z.string(),
                low: z.number(),
                high: z.number(),
              }),
            ),
            abortIf: z.array(z.string()),
            undo: z.strictObject({ can: z.enum(['yes', 'partly', 'no']), how: z.string() }),
          }),
        ),
      }),
    )
    .optional()
    .meta({
      description: 'how each change goes, step after step; present when the scenario declares changes',
    }),
});

export type Summary = z.output<typeof summarySchema>;

const orNull = (x: number | null): number | null => (x === null || !Number.isFinite(x) ? null : x);

export function summaryOf(result: Result): Summary {
  return {
    rehearse: 1,
    scenario: result.scenario,
    file: result.file,
    title: result.title,
    verdict: result.verdict,
    seed: result.seed,
    seeds: result.seeds,
    fingerprint: result.fingerprint,
    events: result.eventCount,
    from: result.from,
    lengthSeconds: result.lengthMicros / 1e6,
    playedSeconds: result.playedMicros / 1e6,
    draws: result.draws,
    stoppedBecause: result.stoppedBecause,
    ...judged(result),
    observed: result.observed.map(({ observedRange: _, interval, ...o }) => ({
      ...o,
      // A fitted or given number is shown by the run, but is no prediction.
      predicted: orNull(o.predicted),
      interval: interval === null ? null : [interval[0], interval[1]],
      relativeError: orNull(o.relativeError),
    })),
    measures: result.measures.map((m) => ({ ...m, labels: { ...m.labels }, value: orNull(m.value) })),
    findings: result.findings.map((f) => ({ ...f, facts: [...f.facts] })),
    ...(result.before === undefined ? {} : { before: beforeOf(result.before) }),
    warmedInsteadOfPlayed: [...result.warmedInsteadOfPlayed],
    ...(result.reliability === undefined ? {} : { reliability: reliabilityOf(result.reliability) }),
    ...(result.serviceLevels === undefined
      ? {}
      : {
          serviceLevels: result.serviceLevels.map(({ periodMicros, lastsMicros, ...row }) => ({
            ...row,
            periodSeconds: periodMicros / 1e6,
            lastsSeconds: seconds(lastsMicros),
          })),
        }),
    ...(result.replications === undefined ? {} : { replications: replicationsOf(result.replications) }),
    ...(result.dueDates === undefined
      ? {}
      : {
          dueDates: result.dueDates.map((d) => ({
            name: d.name,
            kind: d.kind,
            endsSeconds: d.endsAt / 1e6,
            renewsSeconds: seconds(d.renewsAt),
          })),
        }),
    ...(result.alerts === undefined ? {} : { alerts: alertsOf(result.alerts) }),
    ...(result.faults === undefined ? {} : { faults: faultsOf(result.faults) }),
    ...(result.runSheets === undefined ? {} : { runSheets: result.runSheets.map(sheetOf) }),
  };
}

function judged({ expectations, risks }: Before): Pick<Summary, 'expectations' | 'risks'> {
  return {
    // Key by key: whether played or read from a file, they stand in one order.
    expectations: expectations.map(({ name, that, mode, when, verdict, value, margin, says, place }) => ({
      ...{ name, that, mode, when, verdict },
      value: orNull(value),
      margin: orNull(margin),
      ...{ says, place },
    })),
    risks: risks.map(({ name, unit, says, value, limit, ok, where }) => ({
      ...{ name, unit, says },
      value: orNull(value),
      ...{ limit, ok, where },
    })),
  };
}

function beforeOf(before: Before): NonNullable<Summary['before']> {
  const { scenario, title, seed, verdict, fingerprint } = before;
  return { scenario, title, seed, verdict, fingerprint, ...judged(before) };
}

function replicationsOf({
  rows: _,
  columns: __,
  runSheets: ___,
  ...r
}: Replications): NonNullable<Summary['replications']> {
  return {
    ...r,
    measures: r.measures.map((m) => ({
      ...m,
      quantiles: m.quantiles.map((q) => ({ ...q, interval: q.interval === null ? null : [...q.interval] })),
      over: m.over === null ? null : { count: m.over.count, interval: [...m.over.interval] },
    })),
    expectations: r.expectations.map((e) => ({ ...e, interval: [...e.interval] })),
    fans: r.fans.map((f) => ({
      ...f,
      moments: [...f.moments],
      bands: f.bands.map((b) => ({ p: b.p, values: [...b.values] })),
    })),
    nested:
      r.nested === null
        ? null
        : {
            ...r.nested,
            measures: r.nested.measures.map((m) => ({
              ...m,
              interval: m.interval === null ? null : [...m.interval],
            })),
            expectations: r.nested.expectations.map((e) => ({ ...e, interval: [...e.interval] })),
          },
    broken: [...r.broken],
  };
}

function sheetOf(sheet: RunSheet): NonNullable<Summary['runSheets']>[number] {
  return {
    change: sheet.change,
    title: sheet.title,
    risk: sheet.risk,
    fromSeconds: sheet.from / 1e6,
    toSeconds: sheet.to / 1e6,
    recoverySeconds: sheet.recoveryMicros / 1e6,
    runs: sheet.runs,
    draws: sheet.draws,
    overSeconds: seconds(sheet.over),
    steps: sheet.steps.map(({ begins, took, seconds: takes, ranges, abortIf, undo, ...s }) => ({
      ...s,
      beginsSeconds: begins.map((at) => at / 1e6),
      tookSeconds: took === null ? null : [...took],
      takesSeconds: takes.map((q) => ({ ...q, interval: q.interval === null ? null : [...q.interval] })),
      ranges: ranges.map((r) => ({ ...r })),
      abortIf: [...abortIf],
      undo: { ...undo },
    })),
  };
}

function reliabilityOf({ runs, playedMicros, notSampled, rows }: Reliability): Summary['reliability'] {
  return {
    runs,
    playedSeconds: playedMicros / 1e6,
    notSampled: [...notSampled],
    measures: rows.map((r) => ({
      ...r,
      interval: r.interval === null ? null : [r.interval[0], r.interval[1]],
    })),
  };
}

function alertsOf({ rules, spells, silences }: AlertsOutcome): Summary['alerts'] {
  return {
    answerable: rules.filter((r) => r.notAnswerable === null).length,
    rules: rules.map((r) => ({ ...r })),
    spells: spells.map((s) => ({
      alert: s.alert,
      labels: { ...s.labels },
      shown: s.shown,
      activeSeconds: s.activeAt / 1e6,
      firedSeconds: seconds(s.firedAt),
      endedSeconds: seconds(s.endedAt),
    })),
    silences: silences.map((s) => ({
      alert: s.alert,
      matchers: [...s.matchers],
      fromSeconds: s.from / 1e6,
      toSeconds: s.to / 1e6,
      messages: s.messages,
    })),
  };
}

const seconds = (micros: number | null): number | null => (micros === null ? null : micros / 1e6);

function faultsOf(faults: FaultsOutcome): Summary['faults'] {
  return {
    kinds: [...faults.kinds],
    lastsSeconds: faults.lastsMicros / 1e6,
    changeSeconds: seconds(faults.changeMicros),
    refused: faults.refused,
    signs: faults.signs.map((s) => ({ ...s })),
    moments: faults.moments.map((m) => ({
      step: m.row,
      atSeconds: m.atMicros / 1e6,
      nextSeconds: m.nextMicros / 1e6,
      standsForSeconds: seconds(m.spanMicros),
      change: m.change,
    })),
    exposure: faults.exposure.map((e) => ({
      kind: e.kind,
      worst: e.worst,
      seconds: seconds(e.micros),
      steps: [...e.rows],
      laterSteps: [...e.laterRows],
      targets: [...e.targets],
    })),
    variants: faults.variants.map((v) => {
      const moment = faults.moments[v.moment]!;
      return {
        moment: v.moment,
        step: moment.row,
        atSeconds: moment.atMicros / 1e6,
        standsForSeconds: seconds(moment.spanMicros),
        kind: v.kind,
        target: v.target,
        outage: v.outage,
        later: v.later,
        more: { ...v.more },
      };
    }),
    worst:
      faults.worst === null
        ? null
        : {
            variant: faults.worst.variant,
            entry: { ...faults.worst.entry },
            fingerprint: faults.worst.fingerprint,
          },
  };
}

export function summaryJsonSchema(): unknown {
  return z.toJSONSchema(summarySchema);
}
