/** What one Redis said of itself (`INFO persistence replication`), and when. */
export interface RedisSaid {
  atMs: number;
  primary: boolean;
  loading: boolean;
  linkUp: boolean;
  goodReplicas: number;
}

/** What one Sentinel said of the primary that it watches (`SENTINEL MASTER`), and when. */
export interface SentinelSaid {
  atMs: number;
  /** Address `ip:port` that it names; absent while it watches nothing. */
  names?: string;
  /** Other Sentinels that it knows. */
  knows: number;
  failingOver: boolean;
}

/** Takes the lines that redis-cli prints and gives a reading as each answer ends. */
export function readRedis(took: (said: RedisSaid) => void): (line: string) => void {
  let fields = new Map<string, string>();
  return (line) => {
    const colon = line.indexOf(':');
    if (colon < 0) return;
    fields.set(line.slice(0, colon), line.slice(colon + 1));
    if (!line.startsWith('repl_backlog_histlen:')) return;
    took({
      atMs: Date.now(),
      primary: fields.get('role') === 'master',
      loading: fields.get('loading') === '1',
      linkUp: fields.get('master_link_status') === 'up',
      goodReplicas: Number(fields.get('min_slaves_good_slaves') ?? 0),
    });
    fields = new Map();
  };
}

/** The same for a Sentinel: names and values, a line each. */
export function readSentinel(took: (said: SentinelSaid) => void): (line: string) => void {
  let words: string[] = [];
  return (line) => {
    if (line.startsWith('ERR No such master')) {
      took({ atMs: Date.now(), knows: 0, failingOver: false });
      words = [];
      return;
    }
    words.push(line);
    if (words.at(-2) !== 'parallel-syncs') return;
    const value = (name: string) => words[words.indexOf(name) + 1] ?? '';
    took({
      atMs: Date.now(),
      names: `${value('ip')}:${value('port')}`,
      knows: Number(value('num-other-sentinels')),
      failingOver: value('flags').includes('failover_in_progress'),
    });
    words = [];
  };
}
