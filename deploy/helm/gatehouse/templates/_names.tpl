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

{{/* The port at which a pod says how it is, and administration is served. */}}
{{- define "gatehouse.admin" -}}
{{ if .Values.adminPort }}admin{{ else }}http{{ end }}
{{- end -}}

{{/* Who a pod runs as. */}}
{{- define "gatehouse.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "gatehouse.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* A rule of egress of a policy: (dict "to" peers "ports" numbers "protocols" names); nothing where there is no port. */}}
{{- define "gatehouse.egress" -}}
{{- if .ports }}
    - ports:
        {{- range $port := .ports }}
        {{- range $.protocols | default (list "TCP") }}
        - { protocol: {{ . }}, port: {{ $port }} }
        {{- end }}
        {{- end }}
      {{- with .to }}
      to: {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
{{- end -}}
