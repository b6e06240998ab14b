import type { ResourceType } from '#smart';

/**
 * Types outside the patient compartment that are about nobody: conformance, terminology, definitions, evidence,
 * catalogues, and who offers care where. Others outside it (PaymentNotice, BiologicallyDerivedProduct, Slot, …) may be about a
 * patient whom they do not name.
 */
const aboutNobody: ReadonlySet<string> = new Set(
  (
    'ActivityDefinition CapabilityStatement CatalogEntry ChargeItemDefinition CodeSystem CompartmentDefinition ConceptMap DeviceDefinition ' +
    'EffectEvidenceSynthesis Endpoint EventDefinition Evidence EvidenceVariable ExampleScenario GraphDefinition HealthcareService ' +
    'ImplementationGuide InsurancePlan Library Measure MedicationKnowledge MessageDefinition NamingSystem ObservationDefinition ' +
    'OperationDefinition OrganizationAffiliation PlanDefinition Questionnaire ResearchDefinition ResearchElementDefinition ' +
    'RiskEvidenceSynthesis SearchParameter SpecimenDefinition StructureDefinition StructureMap TerminologyCapabilities TestScript ValueSet'
  ).split(' '),
);

/** Whether a type outside the patient compartment is about nobody. What all patients share (`shared`) is not asked about at all. */
export function isAboutNobody(type: ResourceType): boolean {
  return aboutNobody.has(type);
}
