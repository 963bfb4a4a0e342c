/** When each numbered message was sent, and when each receiver had it. */
export interface Deliveries {
  /** Gives the next message's number, sent now. */
  sent(): number;
  received(receiver: number, message: number): void;
  /** Whether everybody has everything that was sent. */
  complete(): boolean;
  /** From sending to each receiver's having it, in milliseconds. */
  latencies(): number[];
  /** Deliveries that never came. */
  lost(): number;
  /** Deliveries that came again. */
  doubled(): number;
}

export function createDeliveries(receivers: number, now: () => number): Deliveries {
  const sentAt: number[] = [];
  const latencies: number[] = [];
  const seen = new Set<string>();
  let doubled = 0;
  const lost = () => sentAt.length * receivers - seen.size;
  return {
    sent: () => sentAt.push(now()) - 1,
    received: (receiver, message) => {
      const since = sentAt[message];
      if (since === undefined) return;
      const key = `${receiver}/${message}`;
      if (seen.has(key)) doubled += 1;
      else {
        seen.add(key);
        latencies.push(now() - since);
      }
    },
    complete: () => lost() === 0,
    latencies: () => latencies,
    lost,
    doubled: () => doubled,
  };
}
