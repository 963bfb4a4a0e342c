import type { Direction } from '../faults.ts';
import { run } from '../run.ts';
import type { ClusterLayout, NodeLayout } from './layout.ts';

/** The cluster's wire. A bridge inside the control plane's network namespace joins the nodes, and one link leads out
 *  to the host, which gets a single route for all pods. Nothing else of the host's is touched: not its firewall, not
 *  its sysctls, and no port of its own can be taken. */
const BRIDGE = 'br0';
const UPLINK = 'uplink';

/** Lays the bridge and the host's link, unless they are there. `holder` is a pid in the control plane's namespaces. */
export async function layBackbone(layout: ClusterLayout, holder: number): Promise<void> {
  if (await hasLink(holder, BRIDGE)) return;
  await hostIp([
    `link add ${layout.hostLink} type veth peer name ${UPLINK} netns ${holder}`,
    `addr add ${layout.hostAddress}/24 dev ${layout.hostLink}`,
    `link set ${layout.hostLink} up`,
  ]);
  await ipInside(holder, [
    // With an address of its own: a bridge without takes one of its ports', and another when that port goes away,
    // so that for seconds nobody would find it.
    `link add ${BRIDGE} address ${hardwareAddress(layout)} type bridge`,
    `addr add ${layout.controlPlaneAddress}/24 dev ${BRIDGE}`,
    `link set ${UPLINK} master ${BRIDGE} up`,
    `link set ${BRIDGE} up`,
    ...podRoutes(layout.nodes),
  ]);
  await hostIp([
    `route replace ${layout.podSubnet} via ${layout.controlPlaneAddress} dev ${layout.hostLink}`,
  ]);
}

/** Gives a node its network card and routes, unless it has them. */
export async function plugIn(
  layout: ClusterLayout,
  node: NodeLayout,
  holders: { controlPlane: number; node: number },
): Promise<void> {
  if (await hasLink(holders.node, 'eth0')) return;
  await hostIp([
    `link add ${node.name} netns ${holders.controlPlane} type veth peer name eth0 netns ${holders.node}`,
  ]);
  await ipInside(holders.controlPlane, [`link set ${node.name} master ${BRIDGE} up`]);
  await ipInside(holders.node, [
    `addr add ${node.address}/24 dev eth0`,
    'link set eth0 up',
    `route replace default via ${layout.controlPlaneAddress}`,
    ...podRoutes(layout.nodes.filter(({ name }) => name !== node.name)),
  ]);
}

/** Takes the node's network card out. The kernel does so by itself some time after the node's machine has ended. */
export async function unplug(controlPlane: number, node: NodeLayout): Promise<void> {
  if (!(await hasLink(controlPlane, node.name))) return;
  await ipInside(controlPlane, [`link delete ${node.name}`]).catch(async (error: unknown) => {
    if (await hasLink(controlPlane, node.name)) throw error;
  });
}

/** Of the range for local use. */
const hardwareAddress = ({ index }: ClusterLayout) => `02:68:70:00:00:0${index}`;

const podRoutes = (nodes: readonly NodeLayout[]) =>
  nodes.map(({ podSubnet, address }) => `route replace ${podSubnet} via ${address}`);

/** Removes the host's link; its other end, addresses and routes go with it. */
export async function removeHostLink(layout: ClusterLayout): Promise<boolean> {
  const links = await run('ip', ['-json', 'link']);
  if (!links.includes(`"ifname":"${layout.hostLink}"`)) return false;
  await run('ip', ['link', 'delete', layout.hostLink]).catch((error: unknown) => {
    // The kernel takes the link away by itself, in its own time, once the namespace at its other end is gone.
    if (!String(error).includes('Cannot find device')) throw error;
  });
  return true;
}

const TABLE = 'hyperpage-cuts';

/** The bridge knows the port that a frame came in by before it forwards, and the one it leaves by after that. */
const CUTS = {
  sent: { hook: 'prerouting', match: 'iifname' },
  received: { hook: 'postrouting', match: 'oifname' },
} as const;

/** Drops a node's packets on the bridge: to all others it looks like a pulled cable, while it and its pods run on. */
export async function cut(holder: number, node: NodeLayout, direction: Direction): Promise<void> {
  await heal(holder, node);
  const sides = direction === 'both' ? (['sent', 'received'] as const) : [direction];
  await nftInside(holder, [
    `add table bridge ${TABLE}`,
    ...sides.flatMap((side) => [
      `add chain bridge ${TABLE} ${node.name}-${side} { type filter hook ${CUTS[side].hook} priority -300; }`,
      `add rule bridge ${TABLE} ${node.name}-${side} ${CUTS[side].match} "${node.name}" drop`,
    ]),
  ]);
}

export async function heal(holder: number, node: NodeLayout): Promise<void> {
  const listed = await run('nsenter', [inside(holder), 'nft', 'list', 'chains', 'bridge']);
  const chains = Object.keys(CUTS).map((side) => `${node.name}-${side}`);
  const present = chains.filter((chain) => listed.includes(`chain ${chain} {`));
  await nftInside(
    holder,
    present.flatMap((chain) => [
      `flush chain bridge ${TABLE} ${chain}`,
      `delete chain bridge ${TABLE} ${chain}`,
    ]),
  );
}

const hostIp = (lines: readonly string[]) => run('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n` });

const inside = (holder: number) => `--net=/proc/${holder}/ns/net`;

const ipInside = (holder: number, lines: readonly string[]) =>
  run('nsenter', [inside(holder), 'ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });

async function nftInside(holder: number, lines: readonly string[]): Promise<void> {
  if (lines.length > 0)
    await run('nsenter', [inside(holder), 'nft', '-f', '-'], { input: `${lines.join('\n')}\n` });
}

async function hasLink(holder: number, name: string): Promise<boolean> {
  const links = await run('nsenter', [inside(holder), 'ip', '-json', 'link']);
  return links.includes(`"ifname":"${name}"`);
}
