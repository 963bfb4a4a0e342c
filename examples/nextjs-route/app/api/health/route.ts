/** Liveness, asked by kubelet: of the app alone, whatever becomes of the sidecar or Redis. */
export { hyperpageRoute as GET } from '@hyperpage/client/route';

export const dynamic = 'force-dynamic';
