import type { Distribution } from '../../engine/distributions.ts';

/** What a server accepts. Source: Istio `PeerAuthentication` modes. */
export const peerModes = ['STRICT', 'PERMISSIVE', 'DISABLE'] as const;
export type PeerMode = (typeof peerModes)[number];

/** How clients of a service are told to talk to it; `auto`: by what the server accepts (auto mTLS). Source: Istio `DestinationRule`. */
export type ClientTls = 'auto' | 'ISTIO_MUTUAL' | 'DISABLE';

/** Sidecars that are alike: of a namespace, or of one workload in it. */
export interface Group {
  readonly namespace: string;
  /** Empty for those of a namespace that no workload is named for. */
  readonly workload: string;
  readonly sidecars: number;
  readonly mode: PeerMode | undefined;
}

export interface Namespace {
  readonly name: string;
  readonly mode: PeerMode | undefined;
  readonly clientTls: ClientTls;
  /** Connections that clients without a sidecar hold to it, in plain text. */
  readonly plaintextConnections: number;
}

/** The agents of all sidecars. Durations in microseconds. */
export interface AgentOptions {
  readonly ttlMicros: number;
  /** Share of the life that is left at renewal. */
  readonly graceRatio: number;
  readonly jitter: number;
  readonly keyGenMicros: number;
  /** From the answer of the CSR until Envoy uses the new secret. */
  readonly swap: Distribution;
  /** How long an agent waits for an answer; infinite where the client sets no deadline. */
  readonly requestTimeoutMicros: number;
  /** Whether the trust bundle comes over XDS too (PROXY_CONFIG_XDS_AGENT). */
  readonly takesTrustOverXds: boolean;
  /** How old the certificates are at the start: as in the long run, or all from a restart so long ago that took so long. */
  readonly start: 'steady' | { readonly restartedAgoMicros: number; readonly overMicros: number };
}

export interface IstiodOptions {
  readonly replicas: number;
  /** Cores of each replica that sign. */
  readonly cores: number;
  readonly multiRoot: boolean;
  /** Whether a leaf ends with the certificate that signs it. */
  readonly clampsToIssuer: boolean;
  readonly propagation: Distribution;
  readonly signingCpu: Distribution;
  readonly reviewLatency: Distribution;
  readonly reviewsPerSecond: number;
  readonly reviewBurst: number;
  readonly idleCores: number;
  readonly memoryBytes: number;
  readonly memoryPerProxyBytes: number;
  readonly memoryPerRequestBytes: number;
}

export interface ConnectionOptions {
  /** Connections that each sidecar holds as a client. */
  readonly perSidecar: number;
  /** Mean life of a connection, microseconds, where nothing cuts it. */
  readonly lifetimeMicros: number;
  /** After which it is closed; infinite where it is not. Source: DestinationRule `maxConnectionDuration`. */
  readonly maxDurationMicros: number;
}

export interface MeshOptions {
  readonly groups: readonly Group[];
  readonly namespaces: readonly Namespace[];
  readonly meshMode: PeerMode;
  readonly nodes: number;
  /** How far the clock of each node is ahead of true time, microseconds; in whole seconds. */
  readonly skews: readonly number[];
  readonly agents: AgentOptions;
  readonly istiod: IstiodOptions;
  readonly connections: ConnectionOptions;
  /** Row of the authority that signs at the start, and the roots that are trusted, as bits. */
  readonly signer: number;
  readonly roots: number;
  readonly origin: number;
}
