/** Share played, events a second and the time left, on a terminal only: a pipe or a log gets nothing. */
export function progress(title: string): {
  readonly tell: (fraction: number, events: number) => void;
  readonly end: () => void;
} {
  const began = process.hrtime.bigint();
  let shown = 0;
  const live = process.stderr.isTTY === true;
  return {
    tell: (fraction, events) => {
      const seconds = Number(process.hrtime.bigint() - began) / 1e9;
      // A run that is over before anybody can read needs no line.
      if (!live || seconds - shown < 0.2) return;
      shown = seconds;
      const left = fraction > 0 ? (seconds / fraction) * (1 - fraction) : 0;
      process.stderr.write(
        `\r\u001b[2K${title}: ${(fraction * 100).toFixed(0)} %, ${Math.round(events / seconds)} events/s, ${left.toFixed(0)} s left`,
      );
    },
    end: () => {
      if (live && shown > 0) process.stderr.write('\r\u001b[2K');
    },
  };
}
