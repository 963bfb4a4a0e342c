import type { Socket } from 'node:net';
import { PROBLEM_MEDIA_TYPE, PROBLEMS, type ProblemCode, problemDocument } from '@hyperpage/contract';

/** Answers what is no HTTP request at all, for which there is no response object, and hangs up. */
export function refuseRaw(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const overflow = error.code === 'HPE_HEADER_OVERFLOW';
  const code: ProblemCode = overflow ? 'headers-too-large' : 'bad-request';
  const detail = overflow
    ? 'The headers may have 16 KiB at most: send less, cookies above all.'
    : 'That is not an HTTP/1.1 request.';
  const body = JSON.stringify(problemDocument(code, detail));
  const head = [
    `HTTP/1.1 ${PROBLEMS[code].status} ${overflow ? 'Request Header Fields Too Large' : 'Bad Request'}`,
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
