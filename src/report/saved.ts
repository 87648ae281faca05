import { z } from 'zod';
import type { FaultsOutcome, Result } from '../experiment/result.ts';
import type { RunSheet } from '../experiment/runSheet.ts';
import type { Problem } from '../formats/problem.ts';
import { catalogue } from '../scenario/build.ts';
import { playAgain, Reader, type SavedFiles } from './savedReader.ts';
import { type Summary, summarySchema } from './summary.ts';

/** `manifest.json`: what a result was played with. */
const manifestSchema = z.object({
  rehearse: z.literal(1),
  version: z.string(),
  scenario: z.string(),
  scenarioDigest: z.string(),
  platformDigest: z.string(),
  seed: z.string(),
  replication: z.number(),
  events: z.number(),
  eventsByKind: z.record(z.string(), z.number()),
  fingerprint: z.string(),
  mathSelfTest: z.string(),
});

const sourceSchema = z.object({ path: z.string(), value: z.string(), source: z.string() });

/** `resolved.json`: what was played, whole. */
const resolvedSchema = z.object({
  scenario: z.record(z.string(), z.unknown()),
  sources: z.array(sourceSchema),
  files: z.record(z.string(), z.string()),
});

export type Saved =
  | { readonly result: Result; readonly problems: readonly [] }
  | {
      readonly result: undefined;
      readonly problems: readonly Problem[];
      readonly texts: ReadonlyMap<string, string>;
    };

/**
 * A result as its folder holds it, with the catalogues of this version: what is drawn from it is what the run itself drew.
 * @param version of this program: a folder of another one is refused, since its numbers may mean something else
 */
export async function savedResult(files: SavedFiles, version: string): Promise<Saved> {
  const reader = new Reader(files);
  const manifest = reader.json('manifest.json', manifestSchema, (file, value) => {
    // Told first and alone: whatever else is odd in the folder follows from it.
    if (typeof value.version === 'string' && value.version !== version)
      file.problem(
        ['version'],
        `written by rehearse ${value.version}, and this is ${version}`,
        `${playAgain}, or draw it with npx rehearse@${value.version}`,
      );
  });
  if (manifest === undefined) return { result: undefined, problems: reader.problems, texts: reader.texts };
  const summary = reader.json('summary.json', summarySchema, (file, value) => {
    if (value.fingerprint !== manifest.fingerprint)
      file.problem(
        ['fingerprint'],
        `not that of manifest.json, which is ${manifest.fingerprint}`,
        `these files belong to two runs: ${playAgain}`,
      );
  });
  const resolved = reader.json('resolved.json', resolvedSchema);
  const arrow = await import('./arrow.ts');
  const series = reader.arrow('series.arrow', arrow.readSeries);
  const told = reader.arrow('events.arrow', arrow.readEvents);
  if (summary?.replications !== undefined) reader.arrow('replications.arrow', arrow.readReplications);
  if (summary === undefined || resolved === undefined || series === undefined || told === undefined)
    return { result: undefined, problems: reader.problems, texts: reader.texts };
  if (reader.problems.length > 0)
    return { result: undefined, problems: reader.problems, texts: reader.texts };
  const { reliability, serviceLevels, replications, dueDates, alerts, faults, before } = summary;
  const result: Result = {
    ...manifest,
    title: summary.title,
    file: summary.file,
    from: summary.from,
    lengthMicros: micros(summary.lengthSeconds),
    playedMicros: micros(summary.playedSeconds),
    stoppedBecause: summary.stoppedBecause,
    seeds: summary.seeds,
    draws: summary.draws,
    verdict: summary.verdict,
    eventCount: summary.events,
    eventsByKind: Object.entries(manifest.eventsByKind),
    expectations: judged(summary.expectations),
    // The range of the printed digits decided the gate; no page shows it.
    observed: summary.observed.map((o) => ({ ...o, observedRange: null })),
    risks: summary.risks,
    measures: summary.measures.map((m) => ({ ...m, value: orNaN(m.value) })),
    findings: summary.findings,
    assumed: resolved.sources,
    warmedInsteadOfPlayed: summary.warmedInsteadOfPlayed,
    resolved,
    metrics: catalogue.metrics,
    eventKinds: catalogue.events,
    panels: catalogue.panels,
    series,
    told,
    ...(before === undefined ? {} : { before: { ...before, expectations: judged(before.expectations) } }),
    ...(reliability === undefined
      ? {}
      : {
          reliability: {
            runs: reliability.runs,
            playedMicros: micros(reliability.playedSeconds),
            notSampled: reliability.notSampled,
            rows: reliability.measures,
          },
        }),
    ...(serviceLevels === undefined
      ? {}
      : {
          serviceLevels: serviceLevels.map(({ periodSeconds, lastsSeconds, ...row }) => ({
            ...row,
            periodMicros: micros(periodSeconds),
            lastsMicros: lastsSeconds === null ? null : lastsSeconds * 1e6,
          })),
        }),
    ...(replications === undefined
      ? {}
      : { replications: { ...replications, rows: [], columns: [], runSheets: [] } }),
    ...(dueDates === undefined
      ? {}
      : {
          dueDates: dueDates.map(({ name, kind, endsSeconds, renewsSeconds }) => ({
            name,
            kind,
            endsAt: micros(endsSeconds),
            renewsAt: microsOrNull(renewsSeconds),
          })),
        }),
    ...(alerts === undefined
      ? {}
      : {
          alerts: {
            rules: alerts.rules,
            spells: alerts.spells.map(({ activeSeconds, firedSeconds, endedSeconds, ...spell }) => ({
              ...spell,
              activeAt: micros(activeSeconds),
              firedAt: microsOrNull(firedSeconds),
              endedAt: microsOrNull(endedSeconds),
            })),
            silences: alerts.silences.map(({ fromSeconds, toSeconds, ...silence }) => ({
              ...silence,
              from: micros(fromSeconds),
              to: micros(toSeconds),
            })),
          },
        }),
    ...(faults === undefined ? {} : { faults: faultsOf(faults, resolved) }),
    ...(summary.runSheets === undefined ? {} : { runSheets: summary.runSheets.map(sheetIn) }),
  };
  return { result, problems: [] };
}

const orNaN = (x: number | null) => x ?? Number.NaN;

function judged(expectations: Summary['expectations']): Result['expectations'] {
  return expectations.map((e) => ({ ...e, value: orNaN(e.value), margin: orNaN(e.margin) }));
}

/** Instants are whole microseconds: what a division by 10^6 lost is rounded away. */
const micros = (seconds: number): number => Math.round(seconds * 1e6);
const microsOrNull = (seconds: number | null): number | null => (seconds === null ? null : micros(seconds));

type Pair = readonly [number, number];

function sheetIn(sheet: NonNullable<Summary['runSheets']>[number]): RunSheet {
  const { fromSeconds, toSeconds, recoverySeconds, overSeconds, steps, ...rest } = sheet;
  return {
    ...rest,
    from: micros(fromSeconds),
    to: micros(toSeconds),
    recoveryMicros: micros(recoverySeconds),
    over: microsOrNull(overSeconds),
    steps: steps.map(({ beginsSeconds, tookSeconds, takesSeconds, ...step }) => ({
      ...step,
      begins: beginsSeconds.map(micros) as unknown as Pair,
      took: tookSeconds as unknown as Pair | null,
      seconds: takesSeconds.map((q) => ({ ...q, interval: q.interval as unknown as Pair | null })),
    })),
  };
}

function faultsOf(faults: NonNullable<Summary['faults']>, resolved: Result['resolved']): FaultsOutcome {
  return {
    kinds: faults.kinds,
    signs: faults.signs,
    refused: faults.refused,
    lastsMicros: micros(faults.lastsSeconds),
    changeMicros: microsOrNull(faults.changeSeconds),
    moments: faults.moments.map((m) => ({
      row: m.step,
      atMicros: micros(m.atSeconds),
      nextMicros: micros(m.nextSeconds),
      spanMicros: microsOrNull(m.standsForSeconds),
      change: m.change,
    })),
    variants: faults.variants.map(({ moment, kind, target, outage, later, more }, order) => ({
      order,
      moment,
      kind,
      target,
      outage,
      later,
      more,
    })),
    exposure: faults.exposure.map(({ kind, seconds, steps, laterSteps, targets, worst }) => ({
      kind,
      micros: microsOrNull(seconds),
      rows: steps,
      laterRows: laterSteps,
      targets,
      worst,
    })),
    worst: faults.worst === null ? null : { ...faults.worst, resolved },
  };
}
