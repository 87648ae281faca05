import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventClass, Simulation } from '../../src/engine/simulation.ts';
import { Alertmanager, type Notification } from '../../src/models/monitoring/alertmanager.ts';
import { MonitoringClock } from '../../src/models/monitoring/clock.ts';
import { alertmanager, equal, route } from '../support/monitoring.ts';

/** One time that an alert fires: seconds. */
const spell = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd'),
  from: fc.integer({ min: 0, max: 3000 }),
  for: fc.integer({ min: 1, max: 1500 }),
});

test('a firing alert is told within group_wait or group_interval, never under its silence, and messages of a group keep their distance', () => {
  let told = 0;
  let waited = 0;
  let quiet = 0;
  fc.assert(
    fc.property(
      fc.array(spell, { minLength: 1, maxLength: 12, size: 'max' }),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 60, max: 400 }),
      fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 1, max: 1000 })),
      (given, wait, interval, [silentFrom, silentFor]) => {
        // Spells of one alert do not overlap.
        const spells = given
          .sort((x, y) => x.from - y.from || x.for - y.for)
          .filter((s, i, all) => all.every((o, j) => j >= i || o.name !== s.name || o.from + o.for < s.from));
        const sim = new Simulation({ seed: '1' });
        const notifications: Notification[] = [];
        const manager = new Alertmanager(
          sim,
          new MonitoringClock(sim),
          alertmanager({
            route: route({ groupBy: [], groupWaitMicros: wait * 1e6, groupIntervalMicros: interval * 1e6 }),
            silences: [
              {
                id: 's',
                matchers: [equal('alertname', 'a')],
                startsAt: silentFrom * 1e6,
                endsAt: (silentFrom + silentFor) * 1e6,
              },
            ],
          }),
          (n) => notifications.push(n),
        );
        const post = sim.on(
          'test.post',
          (row, isOver) => {
            const { name, from, for: length } = spells[row]!;
            manager.post([
              {
                labels: { alertname: name },
                annotations: {},
                startsAt: from * 1e6,
                endsAt: isOver === 1 ? (from + length) * 1e6 : 1e12,
              },
            ]);
          },
          eventClass.observer,
        );
        for (const [row, s] of spells.entries()) {
          sim.at(s.from * 1e6, post, row, 0);
          sim.at((s.from + s.for) * 1e6, post, row, 1);
        }
        sim.run(6000e6);
        const isSilent = (t: number) => t >= silentFrom * 1e6 && t < (silentFrom + silentFor) * 1e6;
        for (const n of notifications) {
          const names = [...n.firing, ...n.resolved].map((x) => x.labels.alertname);
          if (isSilent(n.at)) expect(names).not.toContain('a');
          told += 1;
        }
        for (let i = 1; i < notifications.length; i += 1) {
          const distance = notifications[i]!.at - notifications[i - 1]!.at;
          // A group that was removed begins anew: after at least the time until the maintenance.
          expect(distance >= interval * 1e6 || notifications[i - 1]!.firing.length === 0).toBe(true);
        }
        for (const s of spells) {
          const [from, to] = [s.from * 1e6, (s.from + s.for) * 1e6];
          const latest = from + Math.max(wait, interval) * 1e6;
          if (latest >= to) continue;
          const overlapsSilence =
            s.name === 'a' && silentFrom * 1e6 <= latest && (silentFrom + silentFor) * 1e6 > from;
          if (overlapsSilence) {
            quiet += 1;
            continue;
          }
          // Told of it then, or told before that it fires and not told since that it is over.
          const last = notifications.filter((n) => n.at <= latest).at(-1);
          expect(last?.firing.map((x) => x.labels.alertname)).toContain(s.name);
          waited += 1;
        }
      },
    ),
    { numRuns: 300 },
  );
  expect([told > 500, waited > 300, quiet > 20]).toEqual([true, true, true]);
});
