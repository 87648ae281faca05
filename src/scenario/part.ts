import type { z } from 'zod';
import type { Catalogue } from '../engine/catalogue.ts';
import type { Simulation } from '../engine/simulation.ts';
import type { Checks } from './checks.ts';

/** The models made so far, by part name. */
export type Models = Readonly<Record<string, unknown>>;

/** What a part's `create` may use. */
export interface BuildContext {
  readonly sim: Simulation;
  /** All settings, resolved for this replication, by part name. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly models: Models;
  /** Length of the played time, microseconds. */
  readonly until: number;
  /** Text of a file that a setting named; read and checked before. */
  readonly readText: (path: string) => string;
}

/** What a timeline entry of one kind may say, and how it is played. */
export interface Action<Model, Args> {
  readonly says: string;
  readonly args: z.ZodType<Args>;
  /** Plays the entry now; `id` names the entry. */
  readonly play: (model: Model, args: Args, context: BuildContext & { readonly id: string }) => void;
  readonly check?: (args: Args, checks: Checks) => void;
}

/** One subsystem as a scenario file sees it. Adding a subsystem is adding one such file and its line in the list. */
export interface Part<Settings = unknown, Model = unknown> {
  readonly name: string;
  readonly says: string;
  readonly settings: z.ZodType<Settings>;
  /** Cross-checks over all settings, after each has passed its schema. */
  readonly check?: (settings: Settings, checks: Checks) => void;
  readonly create: (settings: Settings, context: BuildContext) => Model;
  readonly actions: Readonly<Record<string, Action<Model, never>>>;
  readonly catalogue: Catalogue;
  /** The labels of each row of a gauge, by metric name; undefined for a metric that this model does not keep. */
  readonly labels: (
    model: Model,
    metric: string,
  ) => ((row: number) => Readonly<Record<string, string>>) | undefined;
}

/** A part with its types erased, as the list of parts holds it. */
export type AnyPart = Part<never, never>;
