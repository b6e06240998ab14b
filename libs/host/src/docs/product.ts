/** The token of what runs here. */
export const PRODUCT = Symbol('gatehouse:product');

export interface Product {
  readonly service: string;
  readonly version: string;
}
