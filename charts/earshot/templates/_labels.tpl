{{/* Labels of a component's resources; arguments: root, component. */}}
{{- define "earshot.labels" -}}
{{- $root := first . -}}
{{ include "earshot.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: earshot
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* What a Service or a controller selects by; never changes for a release. */}}
{{- define "earshot.selector" -}}
app.kubernetes.io/name: earshot
app.kubernetes.io/instance: {{ (first .).Release.Name }}
app.kubernetes.io/component: {{ last . | replace "_" "-" }}
{{- end -}}

{{/* Labels of a pod that no Service selects by version: a new chart version alone restarts nothing. */}}
{{- define "earshot.podLabels" -}}
{{ include "earshot.selector" . }}
app.kubernetes.io/part-of: earshot
{{- end -}}
