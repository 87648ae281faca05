import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { eventClass, Simulation } from '../../src/engine/simulation.ts';
import { Alertmanager } from '../../src/models/monitoring/alertmanager.ts';
import { MonitoringClock } from '../../src/models/monitoring/clock.ts';
import type { Labels } from '../../src/models/monitoring/labels.ts';
import { type AlertmanagerCase, alertmanagerCases, caseSeconds } from '../support/alertmanagerCases.ts';
import { alertmanager, equal, route } from '../support/monitoring.ts';

/** A message: which alerts fire and which ended, by name and zone. */
interface Message {
  readonly seconds: number;
  readonly receiver: string;
  readonly firing: string;
  readonly resolved: string;
}

const nameOf = (labels: Labels) => labels.alertname! + (labels.zone ?? '');
const listed = (labels: readonly Labels[]) => labels.map(nameOf).sort().join(' ');
const matchers = (labels: Labels) => Object.entries(labels).map(([label, value]) => equal(label, value));

/** What ours sends. */
function modelled(c: AlertmanagerCase): Message[] {
  const sim = new Simulation({ seed: '1' });
  const messages: Message[] = [];
  const micros = {
    groupWaitMicros: c.wait * 1e6,
    groupIntervalMicros: c.interval * 1e6,
    repeatIntervalMicros: c.repeat * 1e6,
  };
  const receivers = ['own', ...(c.routes ?? []).map((r) => r.receiver)];
  const own = route({
    ...micros,
    receiver: 'own',
    groupBy: [],
    routes: (c.routes ?? []).map((r) =>
      route({
        ...micros,
        receiver: r.receiver,
        matchers: matchers(r.when ?? {}),
        groupBy: r.groupBy?.[0] === '...' ? undefined : [],
        continues: r.continues ?? false,
        muteTimeIntervals: r.mute === undefined ? [] : [r.mute],
        activeTimeIntervals: r.active === undefined ? [] : [r.active],
      }),
    ),
  });
  const manager = new Alertmanager(
    sim,
    new MonitoringClock(sim),
    alertmanager({
      route: own,
      receivers: receivers.map((name) => ({
        name,
        integrations: [{ kind: 'webhook', sendResolved: c.sendResolved ?? true }],
      })),
      silences: (c.silences ?? []).map((s, i) => ({
        id: String(i),
        matchers: matchers(s.labels),
        startsAt: s.from * 1e6,
        endsAt: s.to * 1e6,
      })),
      inhibitRules:
        c.inhibits === undefined
          ? []
          : [
              {
                source: matchers(c.inhibits.source),
                target: matchers(c.inhibits.target),
                equal: c.inhibits.equal,
              },
            ],
      intervals: new Map<string, (t: number) => boolean>([
        ['always', () => true],
        ['never', () => false],
      ]),
    }),
    (n) =>
      messages.push({
        seconds: n.at / 1e6,
        receiver: n.receiver,
        firing: listed(n.firing.map((x) => x.labels)),
        resolved: listed(n.resolved.map((x) => x.labels)),
      }),
  );
  const post = sim.on(
    'test.post',
    (row) => {
      const p = c.posts[row]!;
      manager.post([
        {
          labels: p.labels,
          annotations: {},
          startsAt: (p.startsAt ?? p.at) * 1e6,
          endsAt: (p.endsAt ?? 1000) * 1e6,
        },
      ]);
    },
    eventClass.observer,
  );
  for (const [row, p] of c.posts.entries()) sim.at(p.at * 1e6, post, row);
  sim.run(caseSeconds * 1e6);
  return messages;
}

/** The real one's configuration: a route for each case, told apart by a label, each with receivers of its own. */
function configuration(port: number): string {
  const on = (labels: Labels) => `[${Object.entries(labels).map(([k, v]) => `'${k}="${v}"'`)}]`;
  const lines = ['route:', '  receiver: nobody', '  routes:'];
  const receivers = ['receivers:', '  - name: nobody'];
  const inhibits = ['inhibit_rules:'];
  for (const c of alertmanagerCases) {
    const times = `group_wait: ${c.wait}s, group_interval: ${c.interval}s, repeat_interval: ${c.repeat}s`;
    lines.push(
      `    - receiver: ${c.name}-own`,
      `      matchers: ${on({ case: c.name })}`,
      '      group_by: [case]',
    );
    lines.push(...times.split(', ').map((line) => `      ${line}`));
    if (c.routes !== undefined) lines.push('      routes:');
    for (const r of c.routes ?? []) {
      lines.push(`        - receiver: ${c.name}-${r.receiver}`, `          matchers: ${on(r.when ?? {})}`);
      lines.push(`          group_by: [${r.groupBy?.map((x) => `'${x}'`) ?? 'case'}]`);
      if (r.continues === true) lines.push('          continue: true');
      if (r.mute !== undefined) lines.push(`          mute_time_intervals: [${r.mute}]`);
      if (r.active !== undefined) lines.push(`          active_time_intervals: [${r.active}]`);
    }
    for (const name of ['own', ...(c.routes ?? []).map((r) => r.receiver)]) {
      const url = `http://127.0.0.1:${port}/${c.name}/${name}`;
      receivers.push(`  - name: ${c.name}-${name}`, '    webhook_configs:');
      receivers.push(`      - { url: '${url}', send_resolved: ${c.sendResolved ?? true} }`);
    }
    if (c.inhibits === undefined) continue;
    const { source, target, equal: same } = c.inhibits;
    inhibits.push(`  - source_matchers: ${on({ ...source, case: c.name })}`);
    inhibits.push(`    target_matchers: ${on({ ...target, case: c.name })}`, `    equal: [${same}]`);
  }
  const intervals = [
    'time_intervals:',
    '  - { name: always, time_intervals: [{ months: ["january:december"] }] }',
    '  - { name: never, time_intervals: [{ years: ["1999"] }] }',
  ];
  return [...lines, ...receivers, ...inhibits, ...intervals, ''].join('\n');
}

const isInstalled = spawnSync('prometheus-alertmanager', ['--version'], { stdio: 'ignore' }).status === 0;

describe('messages of the real Alertmanager', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rehearse-alertmanager-'));
  let child: ChildProcess | undefined;
  let server: Server | undefined;
  afterAll(() => {
    child?.kill('SIGKILL');
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A port that is free now. */
  const freePort = () =>
    new Promise<number>((resolve) => {
      const socket = createSocket().listen(0, '127.0.0.1', () => {
        const { port } = socket.address() as AddressInfo;
        socket.close(() => resolve(port));
      });
    });

  test.skipIf(!isInstalled)(
    'come in the order and within 0.6 s of those of ours',
    async () => {
      const arrived: (Message & { case: string; late: number })[] = [];
      let begin = Number.NaN;
      server = createServer((request, response) => {
        const at = performance.now();
        let body = '';
        request.on('data', (part) => {
          body += part;
        });
        request.on('end', () => {
          response.end();
          const [, of = '', receiver = ''] = (request.url ?? '').split('/');
          const { alerts } = JSON.parse(body) as { alerts: { status: string; labels: Labels }[] };
          const of_ = (status: string) =>
            listed(alerts.filter((x) => x.status === status).map((x) => x.labels));
          arrived.push({
            case: of,
            receiver,
            seconds: (at - begin) / 1000,
            firing: of_('firing'),
            resolved: of_('resolved'),
            late: 0,
          });
        });
      });
      await new Promise<void>((resolve) => {
        server!.listen(0, '127.0.0.1', resolve);
      });
      writeFileSync(join(folder, 'config.yml'), configuration((server.address() as AddressInfo).port));
      const port = await freePort();
      const base = `http://127.0.0.1:${port}`;
      let log = '';
      child = spawn(
        'prometheus-alertmanager',
        [
          `--config.file=${join(folder, 'config.yml')}`,
          `--storage.path=${join(folder, 'data')}`,
          `--web.listen-address=127.0.0.1:${port}`,
          '--cluster.listen-address=',
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      child.stderr!.on('data', (part) => {
        log += part;
      });
      for (let i = 0; ; i += 1) {
        const ready = await fetch(`${base}/-/ready`).then(
          (r) => r.ok,
          () => false,
        );
        if (ready) break;
        if (i > 100) throw new Error(`Alertmanager did not start: ${log.slice(0, 2000)}`);
        await wait(100);
      }
      const send = async (path: string, body: unknown) => {
        const answer = await fetch(`${base}/api/v2/${path}`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(body),
        });
        if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      };
      begin = performance.now() + 500;
      const epoch = Date.now() + 500;
      const time = (seconds: number) => new Date(epoch + seconds * 1000).toISOString();
      await Promise.all(
        alertmanagerCases.flatMap((c) =>
          (c.silences ?? []).map((s) =>
            send('silences', {
              matchers: Object.entries({ ...s.labels, case: c.name }).map(([name, value]) => ({
                name,
                value,
                isRegex: false,
                isEqual: true,
              })),
              // A silence cannot begin in the past.
              startsAt: time(Math.max(s.from, 0)),
              endsAt: time(s.to),
              createdBy: 'test',
              comment: 'test',
            }),
          ),
        ),
      );
      const posts = alertmanagerCases
        .flatMap((c) => c.posts.map((p) => ({ ...p, case: c.name })))
        .sort((x, y) => x.at - y.at);
      let latest = 0;
      for (const at of [...new Set(posts.map((p) => p.at))]) {
        await wait(Math.max(0, begin + at * 1000 - performance.now()));
        latest = Math.max(latest, performance.now() - begin - at * 1000);
        await send(
          'alerts',
          posts
            .filter((p) => p.at === at)
            .map((p) => ({
              labels: { ...p.labels, case: p.case },
              startsAt: time(p.startsAt ?? p.at),
              endsAt: time(p.endsAt ?? 1000),
            })),
        );
      }
      await wait(Math.max(0, begin + caseSeconds * 1000 - performance.now()));
      let compared = 0;
      for (const c of alertmanagerCases) {
        const show = (m: Message) => `${m.receiver}: firing [${m.firing}] resolved [${m.resolved}]`;
        // In the order of arrival for each receiver: those of two receivers may overtake each other.
        const inOrder = (list: Message[]) =>
          [...list].sort((x, y) =>
            x.receiver < y.receiver ? -1 : x.receiver > y.receiver ? 1 : x.seconds - y.seconds,
          );
        const real = inOrder(arrived.filter((m) => m.case === c.name));
        const ours = inOrder(modelled(c));
        expect(ours.map(show), c.says).toEqual(real.map(show));
        expect(ours.length, c.says).toBeGreaterThanOrEqual(c.messages);
        for (const [i, m] of ours.entries())
          expect(
            Math.abs(real[i]!.seconds - m.seconds),
            `${c.name}: ${show(m)} at ${real[i]!.seconds}`,
          ).toBeLessThan(0.6 + latest / 1000);
        compared += ours.length;
      }
      expect(compared).toBeGreaterThan(20);
    },
    60_000,
  );
});
