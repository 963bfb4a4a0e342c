import { play, tidy } from './scenario.ts';

/** Name of the promise, and the scenario that shows it: see scenario.ts for how to read one. Validity lasts 5400 ms
 *  from the send of a renewal: 6 s less a tenth. */
const SCENARIOS: Array<[string, string]> = [
  [
    'a Lease that was never held is taken at once, and validity counts from the send',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
     900 | written       | ACQUIRED 1          | 2010
    `,
  ],
  [
    'a leader renews every heartbeat, counted from send to send',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
      20 | written       | ACQUIRED 1          | 2010
    2010 | tick          | renew               | 5410
    2500 | written       | renewed             | 4010
    4010 | tick          | renew               | 7410
    `,
  ],
  [
    'a leader that cannot renew steps down before its Lease can pass on',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
      20 | written       | ACQUIRED 1          | 2010
    2010 | tick          | renew               | 5410
    4010 | no answer     | renew failed        | 4110
    4110 | tick          | read                | 5410
    5410 | tick          | LOST 1 expired      |    -
    `,
  ],
  [
    'leadership that lapsed comes back only under a higher term',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
      20 | written       | ACQUIRED 1          | 2010
    2010 | tick          | renew               | 5410
    9000 | written       | LOST 1 expired, acquire term 2 | -
    9010 | written       | ACQUIRED 2          | 11000
    `,
  ],
  [
    'a follower waits a full duration of silence that it observed itself, then takes the Lease without reading again',
    `
       0 | start         | read                |    -
      10 | reads b_1 term 7 renewed x |        | 2010
    2010 | tick          | read                |    -
    2020 | reads b_1 term 7 renewed y |        | 4020
    4020 | tick          | read                |    -
    4030 | reads b_1 term 7 renewed y |        | 6030
    6030 | tick          | read                |    -
    6040 | reads b_1 term 7 renewed y |        | 8020
    8020 | tick          | acquire term 8      |    -
    8030 | written       | ACQUIRED 8          | 10020
    `,
  ],
  [
    'a candidate that comes second reads who came first',
    `
       0 | start         | read                |    -
      10 | reads - term 3 | acquire term 4      |    -
      20 | conflict      | acquire failed, read |   -
      30 | reads b_1 term 4 renewed x |        | 2030
    `,
  ],
  [
    'a restarted process is another candidate: it waits for its own predecessor',
    `
       0 | start         | read                |    -
      10 | reads me_0 term 4 renewed x |       | 2010
    2010 | tick          | read                |    -
    2020 | reads me_0 term 4 renewed x |       | 4020
    `,
  ],
  [
    'a holder that is unknown is waited out like any other',
    `
       0 | start         | read                |    -
      10 | reads unknown term 4 |              | 2010
    2010 | tick          | read                |    -
    2020 | reads unknown term 4 |              | 4020
    4020 | tick          | read                |    -
    4030 | reads unknown term 4 |              | 6010
    6010 | tick          | acquire term 5      |    -
    `,
  ],
  [
    'a write without an answer that was done counts from its own send',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
    2010 | no answer     | acquire failed      | 2110
    2110 | tick          | read                |    -
    2120 | reads itself  | ACQUIRED 1, renew   | 5410
    `,
  ],
  [
    'a write without an answer that was not done, or not yet, is tried again',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
    2010 | no answer     | acquire failed      | 2110
    2110 | tick          | read                |    -
    2120 | reads - term 0 | acquire term 1     |    -
    2130 | conflict      | acquire failed, read |   -
    2140 | reads b_1 term 1 renewed x |        | 4140
    `,
  ],
  [
    'an acquisition that turns out done too late gives nothing: the term is used up',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
    2010 | no answer     | acquire failed      | 2110
    9000 | tick          | read                |    -
    9010 | reads itself  | acquire term 2      |    -
    9020 | written       | ACQUIRED 2          | 11010
    `,
  ],
  [
    'a leader that sees another holder steps down at once',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
      20 | written       | ACQUIRED 1          | 2010
    2010 | tick          | renew               | 5410
    2020 | conflict      | renew failed, read  | 5410
    2030 | reads b_1 term 2 renewed x | LOST 1 superseded | 4030
    `,
  ],
  [
    'a leader whose Lease somebody edited goes on',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
      20 | written       | ACQUIRED 1          | 2010
    2010 | tick          | renew               | 5410
    2020 | conflict      | renew failed, read  | 5410
    2030 | reads itself  | renew               | 5410
    2040 | written       | renewed             | 4030
    `,
  ],
  [
    'a leader whose Lease was deleted and made anew takes it back under a higher term while it is valid',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
      20 | written       | ACQUIRED 1          | 2010
    2010 | tick          | renew               | 5410
    2020 | gone          | renew failed, read  | 5410
    2030 | reads unknown term 1 uid u2 | lease-replaced, acquire term 2 | 5410
    2040 | written       | LOST 1 term-overtaken, ACQUIRED 2 | 4030
    `,
  ],
  [
    'a missing Lease is waited out, made as held by someone unknown, and waited out again',
    `
       0 | start         | read                |    -
      10 | reads nothing | lease-replaced      | 2010
    2010 | tick          | read                |    -
    2020 | reads nothing |                     | 4020
    4020 | tick          | read                |    -
    4030 | reads nothing |                     | 6010
    6010 | tick          | found               |    -
    6020 | written       | lease-replaced      | 6030
    `,
  ],
  [
    'a term is above the floor, whatever the Lease says',
    `
       0 | start         | read                |    -
       5 | floor 41      |                     |    -
      10 | reads - term 3 | acquire term 42     |    -
    `,
  ],
  [
    'a leader that hears of a higher term leads on only under one above it',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
      20 | written       | ACQUIRED 1          | 2010
      30 | floor 7       | LOST 1 term-overtaken, acquire term 8 | -
      40 | written       | ACQUIRED 8          | 2030
    `,
  ],
  [
    'a message wakes a follower: it reads at once, and takes what was released',
    `
       0 | start         | read                |    -
      10 | reads b_1 term 7 renewed x |        | 2010
     500 | wake          | read                |    -
     510 | reads - term 7 | acquire term 8     |    -
    `,
  ],
  [
    'a message that comes while a read is under way is not lost',
    `
       0 | start         | read                |    -
       5 | wake          |                     |    -
      10 | reads b_1 term 7 renewed x | read   |    -
    `,
  ],
  [
    'on stop a leader first steps down and then gives the Lease up',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
      20 | written       | ACQUIRED 1          | 2010
      30 | stop          | LOST 1 stopped, release | -
      40 | written       | released, stopped   |    -
    `,
  ],
  [
    'on stop a renewal under way ends first',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
      20 | written       | ACQUIRED 1          | 2010
    2010 | tick          | renew               | 5410
    2020 | stop          | LOST 1 stopped      |    -
    2030 | written       | release             |    -
    2040 | written       | released, stopped   |    -
    `,
  ],
  [
    'a release that fails is tried a few times and then left to expiry',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
      20 | written       | ACQUIRED 1          | 2010
      30 | stop          | LOST 1 stopped, release | -
      40 | no answer     | release failed, read |   -
      50 | read fails    | read failed, read   |    -
      60 | read fails    | read failed, stopped |   -
    `,
  ],
  [
    'a follower that stops writes nothing',
    `
       0 | start         | read                |    -
      10 | reads b_1 term 7 renewed x |        | 2010
      20 | stop          | stopped             |    -
    `,
  ],
  [
    'reads that fail are repeated after growing pauses',
    `
       0 | start         | read                |    -
      10 | read fails    | read failed         |  110
     110 | tick          | read                |    -
     120 | read fails    | read failed         |  320
     320 | tick          | read                |    -
     330 | read fails    | read failed         |  730
    `,
  ],
  [
    'writes that are refused are repeated after growing pauses, though reads succeed',
    `
       0 | start         | read                |    -
      10 | reads - term 0 | acquire term 1      |    -
      20 | refused       | acquire failed      |  120
     120 | tick          | read                |    -
     130 | reads - term 0 | acquire term 1      |    -
     140 | refused       | acquire failed      |  340
    `,
  ],
];

test.each(SCENARIOS)('%s', (_, scenario) => {
  expect(play(scenario)).toBe(tidy(scenario));
});
