import { eventClass } from '../engine/simulation.ts';
import { checkExpectation } from '../promql/expectation.ts';
import { ExactView } from '../promql/leaves.ts';
import type { Built } from '../scenario/build.ts';
import type { Scenario } from '../scenario/load.ts';

/** Plays to the end, or until the scenario's own condition holds; in slices, so that progress can be told. */
export function play(
  built: Built,
  scenario: Scenario,
  onProgress?: (fraction: number, events: number) => void,
): void {
  const { sim, until } = built;
  if (scenario.until !== undefined) {
    const { expression, text } = scenario.until;
    // An observer at the end of each instant in which something happened: it reads, and stops the run.
    const look = sim.on(
      'experiment.until',
      () => {
        if (checkExpectation(expression, new ExactView(built.live()), [sim.now]).holds) sim.stop(text);
      },
      eventClass.observer,
    );
    let pending = sim.at(0, look);
    let last = -1;
    sim.beforeAdvance(() => {
      if (last === sim.now || sim.isPending(pending)) return false;
      last = sim.now;
      pending = sim.at(sim.now, look);
      return false;
    });
  }
  const slices = onProgress === undefined ? 1 : 50;
  for (let i = 1; i <= slices && sim.stoppedBecause === undefined; i += 1) {
    sim.run(Math.round((until * i) / slices));
    onProgress?.(i / slices, sim.eventCount);
  }
}
