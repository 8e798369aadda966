/**
 * CPU time as a `Clock`: of this process with its threads, and of everything it has started that still runs. Linux.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '../../dist/core/clock.js';

/** Kernel ticks per second; USER_HZ is 100 on every Linux that Node runs on. */
const TICKS = 100;

export const cpuClock = {
  now: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000 + childrenMs();
  },
  sleep: systemClock.sleep,
};

function childrenMs() {
  const processes = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      // After the name in brackets: state, parent, … user and system ticks as the 12th and 13th.
      const fields = readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ').at(-1).split(' ');
      processes.set(Number(entry), {
        parent: Number(fields[1]),
        ticks: Number(fields[11]) + Number(fields[12]),
      });
    } catch {
      // It has ended.
    }
  }
  let ticks = 0;
  for (const each of processes.values()) {
    for (let { parent } = each; parent !== undefined; parent = processes.get(parent)?.parent) {
      if (parent !== process.pid) continue;
      ticks += each.ticks;
      break;
    }
  }
  return (1000 * ticks) / TICKS;
}
