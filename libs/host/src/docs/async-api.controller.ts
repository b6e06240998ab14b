import { Controller, Get } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { UnknownElementException } from '@nestjs/core/errors/exceptions/unknown-element.exception.js';
import { ApiExcludeController } from '@nestjs/swagger';
import { Public } from '../identity/route-access.js';
import { notFound } from '../problem/problem-exception.js';

/** Provides `() => document` where a module has an AsyncAPI document of the topics that it serves. */
export const ASYNC_API = Symbol('gatehouse:async-api');

export type AsyncApiSource = () => object;

/** `/docs/asyncapi.json`: the Kafka contract of whichever module has one. */
@Controller('docs')
@ApiExcludeController()
@Public()
export class AsyncApiController {
  constructor(private readonly modules: ModuleRef) {}

  @Get('asyncapi.json')
  document(): object {
    return this.source()();
  }

  private source(): AsyncApiSource {
    try {
      return this.modules.get<AsyncApiSource>(ASYNC_API, { strict: false });
    } catch (error) {
      throw error instanceof UnknownElementException ? notFound() : error;
    }
  }
}
