import type * as OpenApi from '@nestjs/swagger';

/**
 * Nest's decorators of the OpenAPI document, under their names. What they say is noted here and said to Nest's package when somebody asks for
 * the document: with the package a process holds 9 MB more (docs/adr/0048-memory-at-rest.md), and most are never asked.
 */
const noted: ((openApi: typeof OpenApi) => void)[] = [];

/** As the compiler calls a decorator, of whatever it is. */
type Call = (target: object, property?: string | symbol, descriptor?: PropertyDescriptor) => void;

function noting<Given extends readonly unknown[]>(
  maker: (openApi: typeof OpenApi) => (...given: Given) => ClassDecorator | MethodDecorator | PropertyDecorator,
): (...given: Given) => ClassDecorator & MethodDecorator & PropertyDecorator {
  return (...given) =>
    (target: object, property?: string | symbol) => {
      const descriptor = property === undefined ? undefined : Reflect.getOwnPropertyDescriptor(target, property);
      noted.push((openApi) => {
        const decorate = maker(openApi)(...given) as Call;
        decorate(target, property, descriptor);
      });
    };
}

/** Says what was noted since it was last called, in the order in which it was. */
export function sayWhatWasNoted(openApi: typeof OpenApi): void {
  for (const each of noted.splice(0)) each(openApi);
}

export const ApiBearerAuth = noting((openApi) => openApi.ApiBearerAuth);
export const ApiBody = noting((openApi) => openApi.ApiBody);
export const ApiConsumes = noting((openApi) => openApi.ApiConsumes);
export const ApiExcludeController = noting((openApi) => openApi.ApiExcludeController);
export const ApiExtraModels = noting((openApi) => openApi.ApiExtraModels);
export const ApiHeader = noting((openApi) => openApi.ApiHeader);
export const ApiOkResponse = noting((openApi) => openApi.ApiOkResponse);
export const ApiProperty = noting((openApi) => openApi.ApiProperty);
export const ApiPropertyOptional = noting((openApi) => openApi.ApiPropertyOptional);
export const ApiResponse = noting((openApi) => openApi.ApiResponse);
export const ApiSecurity = noting((openApi) => openApi.ApiSecurity);
export const ApiTags = noting((openApi) => openApi.ApiTags);
