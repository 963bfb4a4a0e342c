export { createOperator, type Operator, type OperatorOptions } from './operator.ts';
export { OPERATOR_SETTINGS } from './settings.ts';
