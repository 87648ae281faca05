import type { Catalogue, Metric } from '../../engine/catalogue.ts';
import { closings } from './connections.ts';
import { swapBounds } from './fleet.ts';
import { refusals } from './handshakes.ts';
import type { Mesh } from './mesh.ts';
import { peerModes } from './settings.ts';

const counters = new Set([
  'citadel_server_csr_count',
  'citadel_server_success_cert_issuance_count',
  'citadel_server_csr_sign_err_count',
  'citadel_server_authentication_failure_count',
]);

const metric = (
  name: string,
  unit: string,
  labels: readonly string[],
  help: string,
  source = 'ours',
): Metric => ({
  name,
  type: counters.has(name) || name.endsWith('_total') ? 'counter' : 'gauge',
  unit,
  labels,
  help,
  source,
});

const pod = ['app', 'pod'];
const citadel = 'Istio 1.22, security/pkg/server/ca/monitoring.go';
const golang = 'Go client library of Prometheus, process collector';
const certManager = 'cert-manager v1, pkg/metrics';
const certificate = ['name'];

const ofIstiod: readonly Metric[] = [
  metric('citadel_server_csr_count', '', pod, 'Requests for certificates that istiod received.', citadel),
  metric('citadel_server_success_cert_issuance_count', '', pod, 'Certificates that it issued.', citadel),
  metric(
    'citadel_server_csr_sign_err_count',
    '',
    pod,
    'Requests that it could not sign: its own certificate had expired.',
    citadel,
  ),
  metric(
    'citadel_server_authentication_failure_count',
    '',
    pod,
    'Requests whose TokenReview did not get through to the API server in time.',
    citadel,
  ),
  metric('citadel_server_root_cert_expiry_timestamp', 's', pod, 'When the root ends, Unix time.', citadel),
  metric(
    'citadel_server_cert_chain_expiry_timestamp',
    's',
    pod,
    'When the certificate that istiod signs with ends, Unix time.',
    citadel,
  ),
  metric(
    'process_cpu_seconds_total',
    's',
    pod,
    'CPU time of istiod: what it uses anyway, and what signing costs.',
    golang,
  ),
  metric('process_resident_memory_bytes', 'B', pod, 'Memory of istiod; set once a minute.', golang),
  metric('rehearse:istiod_up', '', pod, '1 while the replica runs.'),
  metric(
    'rehearse:istiod_bundles_rejected_total',
    '',
    pod,
    'Changes of the secret cacerts that the replica did not take up.',
  ),
];

export const meshCatalogue: Catalogue = {
  metrics: [
    ...ofIstiod,
    metric(
      'rehearse:mesh_certificates_rolled',
      '',
      ['namespace'],
      'Sidecars that have had a certificate of the signer that is wanted since it is wanted.',
    ),
    metric(
      'rehearse:mesh_certificates_issued_total',
      '',
      ['namespace'],
      'Certificates that Envoy began to use.',
    ),
    metric('rehearse:mesh_certificates_stale', '', [], 'Sidecars that hold a certificate of another signer.'),
    metric(
      'rehearse:mesh_certificates_expired',
      '',
      [],
      'Sidecars whose certificate has expired by true time, or that have none.',
    ),
    metric(
      'rehearse:mesh_certificate_expired_seconds_total',
      's',
      [],
      'Time that sidecars spent so, added up over them.',
    ),
    metric(
      'rehearse:mesh_certificate_remaining_seconds',
      's',
      [],
      'Life that is left of the sidecar certificate that ends first; below 0 once it has ended.',
    ),
    metric('rehearse:mesh_agents_waiting', '', [], 'Agents whose request nobody can answer now.'),
    metric(
      'rehearse:csr_rate_peak',
      '1/s',
      ['window'],
      'Most requests a second that any window of this length has seen so far.',
    ),
    metric(
      'rehearse:csr_p99_seconds',
      's',
      [],
      'From the arrival of a request at istiod until it is signed, 99 % of all so far; set once a minute.',
    ),
    metric(
      'rehearse:mesh_swap_seconds',
      's',
      ['of'],
      'From the answer of istiod until Envoy used the new secret, of all so far: least, mean, most.',
    ),
    metric('rehearse:mesh_connections', '', [], 'Connections between sidecars that are open.'),
    metric('rehearse:mesh_handshakes_total', '', [], 'New connections that were wanted.'),
    metric(
      'rehearse:mesh_handshake_failures_total',
      '',
      ['reason'],
      'New connections that were refused, by the first reason.',
    ),
    metric(
      'rehearse:mesh_pairs_refused',
      '',
      [],
      'Share of ordered pairs of sidecars that could not make a new connection now.',
    ),
    metric(
      'rehearse:mesh_pairs_in_plain_text',
      '',
      [],
      'Share of ordered pairs of sidecars that would make it in plain text.',
    ),
    metric(
      'rehearse:mesh_connections_closed_total',
      '',
      ['reason'],
      'Connections that were closed before their time.',
    ),
    metric(
      'rehearse:mesh_plaintext_connections',
      '',
      ['namespace'],
      'Connections that clients without a sidecar hold in plain text.',
    ),
    metric('rehearse:mesh_namespaces', '', ['mode'], 'Namespaces in which this mode of mutual TLS counts.'),
    metric(
      'rehearse:mesh_rotation_seconds',
      's',
      [],
      'From the change of the secret until the last sidecar had a certificate of the new signer; none until then.',
    ),
    {
      ...metric(
        'rehearse:certificate_ends_in_seconds',
        's',
        ['name', 'kind'],
        'Life that is left of each certificate that something rests on: of cert-manager, of the signer, and of what signed it.',
      ),
      openSeries: true,
    },
    metric('rehearse:vault_up', '', [], '1 while Vault answers.'),
    metric(
      'certmanager_certificate_expiration_timestamp_seconds',
      's',
      certificate,
      'When the certificate ends, Unix time.',
      certManager,
    ),
    metric(
      'certmanager_certificate_renewal_timestamp_seconds',
      's',
      certificate,
      'When it is to be renewed, Unix time.',
      certManager,
    ),
    metric(
      'certmanager_certificate_ready_status',
      '',
      certificate,
      '1 while the certificate is there and has not ended.',
      certManager,
    ),
  ],
  events: [
    {
      name: 'mesh.installed',
      lane: 'istiod',
      says: 'the secret cacerts holds {subject}, {detail}',
      step: true,
    },
    { name: 'mesh.notInstalled', lane: 'istiod', says: '{subject} is not installed: {detail}' },
    { name: 'istiod.loaded', lane: '{subject}', says: '{subject} signs with {detail}' },
    { name: 'istiod.rejected', lane: '{subject}', says: '{subject} keeps what it has: {detail}' },
    { name: 'istiod.stopped', lane: '{subject}', says: '{subject} is gone' },
    { name: 'istiod.started', lane: '{subject}', says: '{subject} is back' },
    {
      name: 'mesh.rolled',
      lane: 'sidecars',
      says: 'all sidecars have certificates of the new signer: {detail}',
    },
    { name: 'mesh.staged', lane: 'sidecars', says: 'agents are made to renew: {detail}', step: true },
    { name: 'mesh.restarted', lane: 'sidecars', says: 'pods restart: {detail}', step: true },
    {
      name: 'mesh.trustPushed',
      lane: 'sidecars',
      says: 'the trust bundle goes to every agent: {detail}',
      step: true,
    },
    { name: 'mesh.rootPhase', lane: 'istiod', says: 'root rotation: {detail}', step: true },
    { name: 'mesh.mode', lane: '{subject}', says: 'mutual TLS of {subject} becomes {detail}', step: true },
    { name: 'mesh.clock', lane: '{subject}', says: 'the clock of {subject} is {detail}' },
    { name: 'vault.issued', lane: 'vault', says: 'Vault issues {subject} {detail}' },
    { name: 'vault.refused', lane: 'vault', says: 'Vault does not issue {subject}: {detail}' },
    { name: 'vault.stopped', lane: 'vault', says: 'Vault does not answer any more' },
    { name: 'vault.started', lane: 'vault', says: 'Vault answers again' },
    { name: 'certManager.issued', lane: 'cert-manager', says: '{subject} is issued anew {detail}' },
    { name: 'certManager.failed', lane: 'cert-manager', says: '{subject} is not issued: {detail}' },
    { name: 'certManager.expired', lane: 'cert-manager', says: '{subject} has expired' },
  ],
  risks: [
    {
      name: 'certificateExpiredMinutes',
      unit: 'min',
      says: 'minutes that sidecars spent with an expired certificate or none',
      that: 'sum(rehearse:mesh_certificate_expired_seconds_total) / 60',
      limit: 0,
    },
    {
      name: 'handshakesRefused',
      unit: '',
      says: 'new connections between sidecars that were refused',
      that: 'sum(rehearse:mesh_handshake_failures_total)',
      limit: 0,
    },
    {
      name: 'meshConnectionsClosed',
      unit: '',
      says: 'connections between sidecars that were closed before their time',
      that: 'sum(rehearse:mesh_connections_closed_total)',
    },
  ],
  outages: [
    {
      name: 'handshakesRefused',
      unit: '',
      says: 'new connections between sidecars that were refused',
      that: 'sum(rehearse:mesh_handshake_failures_total)',
    },
  ],
  watched: [
    {
      metric: 'rehearse:mesh_certificates_stale',
      says: 'sidecars with a certificate of another signer',
      unit: '',
      fold: 'sum',
    },
    {
      metric: 'rehearse:mesh_pairs_refused',
      says: 'share of pairs of sidecars that cannot connect',
      unit: '',
      fold: 'max',
      limit: 0,
    },
  ],
  panels: [
    {
      title: 'Sidecars with a certificate of the wanted signer',
      that: 'sum(rehearse:mesh_certificates_rolled)',
      unit: '',
      optional: true,
      spreads: true,
    },
    {
      title: 'Requests for certificates',
      that: 'sum(rate(citadel_server_csr_count[1m]))',
      unit: '1/s',
      optional: true,
    },
    {
      title: 'Life left of the sidecar certificate that ends first',
      that: 'rehearse:mesh_certificate_remaining_seconds / 3600',
      unit: 'h',
      optional: true,
    },
    {
      title: 'Share of pairs of sidecars that cannot connect',
      that: 'rehearse:mesh_pairs_refused',
      unit: '',
      optional: true,
    },
    {
      title: 'Sidecars with an expired certificate or none',
      that: 'rehearse:mesh_certificates_expired',
      unit: '',
      optional: true,
    },
  ],
};

const namesOfIstiod = new Set(ofIstiod.map((m) => m.name));
const byNamespace = new Set(
  meshCatalogue.metrics.filter((m) => m.labels[0] === 'namespace').map((m) => m.name),
);

export function meshLabels(
  mesh: Mesh,
  name: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  if (!meshCatalogue.metrics.some((m) => m.name === name)) return undefined;
  if (namesOfIstiod.has(name)) return (row) => ({ app: 'istiod', pod: mesh.istiod.nameOf(row) });
  if (byNamespace.has(name)) return (row) => ({ namespace: mesh.options.namespaces[row]!.name });
  if (name.startsWith('certmanager_')) return (row) => ({ name: mesh.certManager.specs[row]!.name });
  if (name === 'rehearse:certificate_ends_in_seconds') return (row) => mesh.endingOf(row);
  if (name === 'rehearse:mesh_swap_seconds') return (row) => ({ of: swapBounds[row]! });
  if (name === 'rehearse:csr_rate_peak') return (row) => ({ window: row === 0 ? '1s' : '60s' });
  if (name === 'rehearse:mesh_handshake_failures_total') return (row) => ({ reason: refusals[row]! });
  if (name === 'rehearse:mesh_connections_closed_total') return (row) => ({ reason: closings[row]! });
  if (name === 'rehearse:mesh_namespaces') return (row) => ({ mode: peerModes[row]! });
  return () => ({});
}
