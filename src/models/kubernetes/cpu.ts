/** What a container asks of its node's processors, and what it may have at most; cores. */
export interface CpuDemand {
  readonly demandCores: number;
  readonly limitCores: number;
  /** Of the request; the weight of its group. */
  readonly requestMillis: number;
}

/** Source: pkg/kubelet/cm helpers_linux.go MinShares, MilliCPUToShares: 1024 shares a core, at least 2. */
export function cpuShares(requestMillis: number): number {
  return Math.max(2, Math.floor((requestMillis * 1024) / 1000));
}

/**
 * Cores that each gets: its demand up to its limit where all fit, else by weight, what one leaves going to the others. Source: Linux group
 * scheduling (cpu.weight) and CFS bandwidth control (cpu.max). Simplified: demand is a steady rate, so that a limit below it throttles in every period;
 * pods' own groups are left out.
 */
export function grantCpu(demands: readonly CpuDemand[], capacityCores: number): Float64Array {
  const wanted = Float64Array.from(demands, (d) => Math.min(d.demandCores, d.limitCores));
  const granted = new Float64Array(demands.length);
  let left = capacityCores;
  let sum = 0;
  for (const w of wanted) sum += w;
  if (sum <= capacityCores) return wanted;
  const order = demands.map((_, i) => i);
  const perShare = (i: number) => wanted[i]! / cpuShares(demands[i]!.requestMillis);
  order.sort((x, y) => perShare(x) - perShare(y) || x - y);
  let shares = 0;
  for (const d of demands) shares += cpuShares(d.requestMillis);
  for (const i of order) {
    const own = cpuShares(demands[i]!.requestMillis);
    granted[i] = Math.min(wanted[i]!, (left * own) / shares);
    left -= granted[i]!;
    shares -= own;
  }
  return granted;
}

/**
 * Seconds of throttled time that a container gathers per second: the work it wanted and its quota forbade. Source: Linux cpu.stat throttled_usec,
 * which adds up over the processors on which its threads stood still.
 */
export function throttledPerSecond(demand: CpuDemand): number {
  return Math.max(0, demand.demandCores - demand.limitCores);
}
