{{/* Every resource's name. 40 characters leave room for the longest component and for what controllers append. */}}
{{- define "earshot.fullname" -}}
{{- $name := ternary .Release.Name (printf "%s-earshot" .Release.Name) (contains "earshot" .Release.Name) -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of a component's resources; arguments: root, component. Underscores of a stage become dashes. */}}
{{- define "earshot.name" -}}
{{- printf "%s-%s" (include "earshot.fullname" (first .)) (last . | replace "_" "-") -}}
{{- end -}}

{{- define "earshot.podTemplatesName" -}}
{{- .Values.airflow.podTemplatesConfigMap | default (include "earshot.name" (list . "pod-templates")) -}}
{{- end -}}

{{- define "earshot.airflowEnvName" -}}
{{- .Values.airflow.envConfigMap | default (include "earshot.name" (list . "airflow-env")) -}}
{{- end -}}

{{- define "earshot.kafkaSecretName" -}}
{{- if eq .Values.kafka.mode "strimzi" -}}
{{ include "earshot.name" (list . "platform") }}
{{- else -}}
{{ .Values.kafka.external.existingSecret }}
{{- end -}}
{{- end -}}

{{- define "earshot.kafkaCaSecretName" -}}
{{- if eq .Values.kafka.mode "strimzi" -}}
{{ include "earshot.fullname" . }}-cluster-ca-cert
{{- else -}}
{{ .Values.kafka.external.caSecret }}
{{- end -}}
{{- end -}}

{{- define "earshot.mongoSecretName" -}}
{{- if eq .Values.mongodb.mode "external" -}}
{{ .Values.mongodb.external.existingSecret }}
{{- else -}}
{{ .Values.mongodb.existingSecret | default (include "earshot.name" (list . "mongodb")) }}
{{- end -}}
{{- end -}}

{{- define "earshot.s3SecretName" -}}
{{- if eq .Values.objectStore.mode "external" -}}
{{ .Values.objectStore.external.existingSecret }}
{{- else -}}
{{ .Values.objectStore.existingSecret | default (include "earshot.name" (list . "s3")) }}
{{- end -}}
{{- end -}}

{{/* A full image reference; arguments: root, value, default name without tag. One value an image, so that tools can set it whole. */}}
{{- define "earshot.image" -}}
{{- $root := index . 0 -}}
{{- $value := index . 1 -}}
{{- $registry := $root.Values.global.imageRegistry | trimSuffix "/" -}}
{{- $reference := $value | default (printf "%s:%s" (index . 2) $root.Chart.AppVersion) -}}
{{- if and $registry (or (not $value) (hasPrefix "docker.io/" $value)) -}}
{{- printf "%s/%s" $registry ($reference | trimPrefix "docker.io/") -}}
{{- else -}}
{{- $reference -}}
{{- end -}}
{{- end -}}
