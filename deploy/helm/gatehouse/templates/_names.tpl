{{/* The image by its digest, or by its tag where none is given. */}}
{{- define "gatehouse.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end -}}
{{- end -}}

{{/* What says which pods are a service's: (dict "root" $ "service" "token"). */}}
{{- define "gatehouse.selector" -}}
app.kubernetes.io/name: gatehouse
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .service }}
{{- end -}}

{{- define "gatehouse.labels" -}}
{{ include "gatehouse.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{/* What runs a service's pods: one with a volume that stays with it is of a StatefulSet. */}}
{{- define "gatehouse.kind" -}}
{{ if .spool }}StatefulSet{{ else }}Deployment{{ end }}
{{- end -}}

{{- define "gatehouse.name" -}}
{{ .root.Release.Name }}-{{ .service }}
{{- end -}}
