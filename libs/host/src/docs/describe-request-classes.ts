import type { INestApplicationContext } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { ApiProperty } from '@nestjs/swagger';
import { getMetadataStorage } from 'class-validator';
import { nestedClassOf } from '../request/nested.js';
import { prototypeOf } from './prototype-of.js';
import { schemaOfRules, type Rule } from './schema-of-rules.js';

type Class = new (...args: never[]) => object;

/**
 * Gives every DTO class that a controller takes the `@ApiProperty` that its class-validator rules imply, so that
 * the document says exactly what the server validates. A property with an `@ApiProperty` of its own keeps it.
 * Gives the names of the classes.
 */
export function describeRequestClasses(app: INestApplicationContext): readonly string[] {
  const done = new Set<Class>();
  for (const dto of parameterClasses(app)) describe(dto, done);
  return [...done].map((dto) => dto.name);
}

function* parameterClasses(app: INestApplicationContext): Generator<Class> {
  const scanner = new MetadataScanner();
  for (const module of app.get(ModulesContainer).values()) {
    for (const { metatype } of module.controllers.values()) {
      if (typeof metatype !== 'function') continue;
      const prototype = prototypeOf(metatype);
      for (const name of scanner.getAllMethodNames(prototype)) {
        const types: unknown = Reflect.getMetadata('design:paramtypes', prototype, name);
        if (Array.isArray(types)) yield* types.filter(isClass);
      }
    }
  }
}

function describe(dto: Class, done: Set<Class>): void {
  if (done.has(dto)) return;
  done.add(dto);
  const prototype = prototypeOf(dto);
  const storage = getMetadataStorage();
  const byProperty = storage.groupByPropertyName(storage.getTargetValidationMetadatas(dto, '', false, false));
  for (const [property, rules] of Object.entries(byProperty)) {
    const nested = nestedClass(dto, property);
    if (nested !== undefined) describe(nested, done);
    const own: unknown = Reflect.getMetadata('swagger/apiModelProperties', prototype, property);
    if (own !== undefined) continue;
    const declared: unknown = Reflect.getMetadata('design:type', prototype, property);
    const initial: unknown = Reflect.get(new dto(), property);
    const required = initial === undefined && !rules.some((rule) => rule.name === 'isOptional');
    const options = Object.assign(schemaOfRules(rules.map(toRule), declared, nested), { required });
    ApiProperty(options)(prototype, property);
  }
}

function toRule(rule: { name?: string; type: string; constraints: unknown[] | undefined; each: boolean }): Rule {
  return { name: rule.name ?? rule.type, constraints: rule.constraints ?? [], each: rule.each };
}

function nestedClass(dto: Class, property: string): Class | undefined {
  const type: unknown = nestedClassOf(prototypeOf(dto), property);
  return isClass(type) ? type : undefined;
}

function isClass(type: unknown): type is Class {
  return (
    typeof type === 'function' &&
    ![String, Number, Boolean, Array, Object, Date, Promise].some((builtIn) => builtIn === type) &&
    /^class\b/.test(String(type))
  );
}
