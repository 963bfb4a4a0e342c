import { createHyperpageRoute } from '@hyperpage/client/route';

// One proxy of ours in front, the ingress: its entry in X-Forwarded-For is the client's address.
const handler = createHyperpageRoute({ trustedProxies: 1 });

export { handler as DELETE, handler as GET, handler as PATCH, handler as POST };

/** A session is one person's: never answered from a cache or at build time. */
export const dynamic = 'force-dynamic';
/** The sidecar is on the pod's localhost, which the edge runtime does not reach. */
export const runtime = 'nodejs';
