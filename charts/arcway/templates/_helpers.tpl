{{- define "arcway.labels" -}}
app.kubernetes.io/name: arcway
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "arcway.selector" -}}
app.kubernetes.io/name: arcway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
