import type { Transport } from './handshakes.ts';
import type { ClientTls, PeerMode } from './settings.ts';

/** The mode that counts: of the workload, else of the namespace, else of the mesh. Source: Istio `PeerAuthentication`, precedence. */
export function modeOf(
  workload: PeerMode | undefined,
  namespace: PeerMode | undefined,
  mesh: PeerMode,
): PeerMode {
  return workload ?? namespace ?? mesh;
}

/**
 * How a sidecar reaches a server with a sidecar. By auto mTLS it speaks TLS wherever the server takes it, also when its certificate has expired and plain text would be
 * taken. Source: Istio, automatic mutual TLS; `DestinationRule` settings override it. Modes by port are not played.
 */
export function transportTo(mode: PeerMode, clientTls: ClientTls): Transport {
  if (clientTls === 'DISABLE') return mode === 'STRICT' ? 'plain text to STRICT' : 'plain';
  if (mode !== 'DISABLE') return 'tls';
  return clientTls === 'ISTIO_MUTUAL' ? 'TLS to DISABLE' : 'plain';
}
